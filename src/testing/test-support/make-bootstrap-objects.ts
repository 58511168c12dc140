import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { defaultNetwork } from "../../cmd/compose/cluster-network.ts";
import { startControlPlane } from "../../cmd/compose/control-plane.ts";
import { inProcessPki } from "../../cmd/compose/in-process-pki.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";

/** A seed that no test takes: with the same one, a cluster would give these uids to objects of its own. */
const seed = 0xb007_0b1e;

/** The objects of a store that was empty, by key, once an API server's start hooks have run. */
export async function makeBootstrapObjects(): Promise<Record<string, object>> {
  const clock = new VirtualClock();
  const storage = createMemoryStorage({ clock });
  const plane = await startControlPlane({
    storage,
    clock,
    random: seededRandom(seed),
    logger: silentLogger,
    pki: inProcessPki(),
    network: defaultNetwork,
    externalUrl: "https://127.0.0.1:6443",
    disabled: new Set(),
  });
  let isReady = false;
  const ready = plane.ready.then(() => {
    isReady = true;
  });
  await clock.advanceUntil(() => isReady, { timeoutMs: 60_000 });
  await ready;
  await clock.settle();
  const { items } = await storage.range({ start: "/", end: "0" });
  await plane.close();
  await storage.close();
  return Object.fromEntries(items.map(({ key, value }) => [key, value.object]));
}
