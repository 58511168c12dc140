import { isDeepStrictEqual } from "node:util";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { defaultNetwork } from "../../cmd/compose/cluster-network.ts";
import { startControlPlane } from "../../cmd/compose/control-plane.ts";
import { inProcessPki } from "../../cmd/compose/in-process-pki.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";

/** A seed that no test takes: with the same one, a cluster would give these uids to objects of its own. */
const seed = 0xb007_0b1e;

/** Time for what is written a while later, and for those that lose a race and try again: a test begins when it is over. */
const settleMs = 60_000;

export interface BootstrapObjects {
  /** Of a store that was empty, by key, once an API server's start hooks have run. */
  readonly server: Record<string, object>;
  /** What is there beside or in the place of those once the controllers have settled too. */
  readonly controllers: Record<string, object>;
}

export async function makeBootstrapObjects(): Promise<BootstrapObjects> {
  const server = await objectsAfterStart({ withControllers: false });
  const all = await objectsAfterStart({ withControllers: true });
  const isNews = ([key, object]: [string, object]) => !isDeepStrictEqual(object, server[key]);
  return { server, controllers: Object.fromEntries(Object.entries(all).filter(isNews)) };
}

async function objectsAfterStart({ withControllers }: { readonly withControllers: boolean }) {
  const clock = new VirtualClock({ startMs: Date.UTC(2026, 0, 1) - settleMs });
  const storage = createMemoryStorage({ clock });
  const plane = await startControlPlane({
    storage,
    clock,
    random: seededRandom(seed),
    logger: silentLogger,
    pki: inProcessPki(),
    network: defaultNetwork,
    externalUrl: "https://127.0.0.1:6443",
    disabled: new Set(["scheduler"]),
  });
  let isReady = false;
  const ready = plane.ready.then(() => {
    isReady = true;
  });
  await clock.advanceUntil(() => isReady, { timeoutMs: 60_000 });
  await ready;
  if (withControllers) plane.startComponents();
  await clock.advance(settleMs);
  const { items } = await storage.range({ start: "/", end: "0" });
  const closing = plane.close();
  await clock.advance(10_000);
  await closing;
  await storage.close();
  return Object.fromEntries(items.map(({ key, value }) => [key, value.object]));
}
