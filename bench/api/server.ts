/** The server of the api benchmark, in a process of its own: SQLite storage, HTTPS, put together as `k8ts up` does. */

import { createMemoryPki } from "../../src/apiserver/pki/ensure-pki.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/system-clock.ts";
import { systemRandom } from "../../src/base/system-random.ts";
import { composeApiServer } from "../../src/cmd/compose/api-server.ts";
import { defaultNetwork } from "../../src/cmd/compose/cluster-network.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/sqlite-storage.ts";
import { answerQuestions } from "./observer.ts";
import { seedPods } from "./pods.ts";

const [directory = "", pods = "0"] = process.argv.slice(2);
const clock = systemClock;
const stop = new AbortController();
const pki = await createMemoryPki({ nowMs: clock.now() });
if (pods !== "0") {
  const before = await openSqliteStorage({ directory, clock });
  await seedPods(before, Number(pods));
  await before.close();
}
const storage = await openSqliteStorage({ directory, clock });
const { ready, listener, close } = await composeApiServer(
  {
    storage,
    clock,
    random: systemRandom,
    logger: silentLogger,
    pki,
    network: defaultNetwork,
    listen: { host: "127.0.0.1", port: 0 },
    externalUrl: "https://127.0.0.1",
    disabled: new Set(),
  },
  stop.signal,
);
await ready;
answerQuestions();
const kubelets = await Promise.all(
  Array.from({ length: 8 }, async (_, index) => (await pki.node(`node-${index}`, [])).client),
);
process.send?.({
  port: listener?.port,
  authority: pki.clusterAuthority.certificate,
  certificate: pki.admin.certificate,
  key: pki.admin.key,
  kubelets,
});
process.once("disconnect", async () => {
  stop.abort();
  await close();
  await storage.close();
  process.exit(0);
});
