/** The server of the api benchmark, in a process of its own: SQLite storage, HTTPS, the whole chain of stages. */

import { builtInDefinitions } from "../../src/api/registry.ts";
import { schemas } from "../../src/api/schemas.ts";
import { createProtobufCodec } from "../../src/apimachinery/protobuf/codec.ts";
import { createStages } from "../../src/apiserver/create-stages.ts";
import { listen } from "../../src/apiserver/http/listener.ts";
import { createMemoryPki } from "../../src/apiserver/pki/ensure-pki.ts";
import { loadTokenKeys } from "../../src/apiserver/pki/service-account-keys.ts";
import { parseSigningRequest } from "../../src/apiserver/pki/signing-request.ts";
import { fingerprintOf } from "../../src/apiserver/pki/x509.ts";
import { createApiServer } from "../../src/apiserver/server.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/system-clock.ts";
import { systemRandom } from "../../src/base/system-random.ts";
import { createInformerFactory } from "../../src/client/informer-factory.ts";
import { createClient } from "../../src/client/rest-client.ts";
import { openSqliteStorage } from "../../src/storage/sqlite/sqlite-storage.ts";
import { answerQuestions } from "./observer.ts";
import { seedPods } from "./pods.ts";

const [directory = "", pods = "0"] = process.argv.slice(2);
const clock = systemClock;
const random = systemRandom;
const logger = silentLogger;
const stop = new AbortController();
const pki = await createMemoryPki({ nowMs: clock.now() });
const protobuf = createProtobufCodec(schemas);
if (pods !== "0") {
  const before = await openSqliteStorage({ directory, clock });
  await seedPods(before, Number(pods));
  await before.close();
}
const storage = await openSqliteStorage({ directory, clock });
const server = await createApiServer({
  storage,
  clock,
  random,
  logger,
  definitions: builtInDefinitions,
  modelOf: ({ group, version, kind }) => schemas.kind(group, version, kind),
  protobuf,
  stages: (loopback) => {
    const client = createClient({ transport: loopback, clock });
    return createStages({
      client,
      informers: createInformerFactory({ client, clock, random, logger }),
      clock,
      random,
      logger,
      signal: stop.signal,
      tokenKeys: loadTokenKeys({ signingKey: pki.serviceAccountKey }),
      readSubject: parseSigningRequest,
      fingerprint: fingerprintOf,
      externalUrl: "https://127.0.0.1",
    });
  },
});
await server.start();
const listener = await listen({
  server,
  certificate: pki.serving.certificate,
  privateKey: pki.serving.key,
  clientAuthorities: [pki.clusterAuthority.certificate],
  host: "127.0.0.1",
  port: 0,
  logger,
  protobuf,
});
answerQuestions();
process.send?.({
  port: listener.port,
  authority: pki.clusterAuthority.certificate,
  certificate: pki.admin.certificate,
  key: pki.admin.key,
});
process.once("disconnect", async () => {
  stop.abort();
  await listener.close({ graceMs: 100 });
  await server.close();
  await storage.close();
  process.exit(0);
});
