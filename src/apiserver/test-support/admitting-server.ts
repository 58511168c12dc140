import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { createClient } from "../../client/rest-client.ts";
import type { AdmissionPlugin } from "../stages.ts";
import { openStages, startTestServer, type TestServer } from "./server.ts";

export interface AdmittingDependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  /** The server the plugins are for; there only once it runs. */
  readonly server: () => TestServer;
}

/** A server with some admission plugins, whose informers read from it. `settle` of its clock brings them up to date. */
export async function startAdmittingServer(
  plugins: (dependencies: AdmittingDependencies) => readonly AdmissionPlugin[],
): Promise<TestServer> {
  const clock = new VirtualClock();
  const stop = new AbortController();
  let started: TestServer | undefined;
  const server = await startTestServer({
    dependencies: {
      clock,
      stages: (loopback) => {
        const client = createClient({ transport: loopback });
        const informers = createInformerFactory({
          client,
          clock,
          random: seededRandom(2),
          logger: silentLogger,
        });
        const running = () => {
          if (started === undefined) throw new Error("the server does not run yet");
          return started;
        };
        return {
          ...openStages,
          admission: plugins({ client, informers, server: running }),
          postStartHooks: [
            {
              name: "informers",
              async run() {
                informers.start(stop.signal);
                await informers.waitForSync({ signal: stop.signal });
              },
            },
          ],
        };
      },
    },
  });
  started = {
    ...server,
    clock,
    async close() {
      stop.abort();
      await server.close();
    },
  };
  await started.server.start();
  return started;
}
