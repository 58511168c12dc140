import { after, before, describe } from "node:test";
import { schemas } from "../../../api/schemas.ts";
import { createProtobufCodec } from "../../../apimachinery/protobuf/codec.ts";
import { silentLogger } from "../../../base/log.ts";
import { seededRandom } from "../../../base/random.ts";
import { systemClock } from "../../../base/system-clock.ts";
import { defaultNetwork } from "../../../cmd/compose/cluster-network.ts";
import { type ControlPlane, startControlPlane } from "../../../cmd/compose/control-plane.ts";
import { startSimNode } from "../../../cmd/compose/sim-node.ts";
import type { SimRuntimeOptions } from "../../../kubelet/cri/sim/sim-runtime.ts";
import { createMemoryStorage } from "../../../storage/memory/memory-storage.ts";
import type { Storage } from "../../../storage/storage.ts";
import { createMemoryPki, type Pki } from "../../pki/ensure-pki.ts";
import type { ConformanceClient } from "./client.ts";
import { httpsClient } from "./https-client.ts";
import { inProcessClient } from "./in-process-client.ts";

/** The whole control plane as `k8ts up` puts it together, with simulated nodes, on real time. */
export interface ConformanceCluster {
  readonly plane: ControlPlane;
  readonly storage: Storage;
  readonly pki: Pki;
  readonly port: number;
  readonly https: ConformanceClient;
  readonly inProcess: ConformanceClient;
  close(): Promise<void>;
}

export interface ConformanceClusterOptions {
  /** Simulated nodes; default 0. */
  readonly nodes?: number;
  readonly runtime?: Partial<SimRuntimeOptions>;
  /** Components that are not to run. */
  readonly disable?: readonly string[];
}

export async function startConformanceCluster({
  nodes = 0,
  runtime,
  disable = [],
}: ConformanceClusterOptions = {}): Promise<ConformanceCluster> {
  const random = seededRandom(1);
  const logger = silentLogger;
  const clock = systemClock;
  const storage = createMemoryStorage({ clock });
  const pki = await createMemoryPki({ nowMs: Date.now() });
  const stop = new AbortController();
  const plane = await startControlPlane({
    storage,
    clock,
    random,
    logger,
    pki,
    network: defaultNetwork,
    listen: { host: "127.0.0.1", port: 0 },
    externalUrl: "https://127.0.0.1:6443",
    disabled: new Set(disable),
  });
  plane.startComponents();
  const simNodes = Array.from({ length: nodes }, (_, index) =>
    startSimNode(
      {
        plane,
        name: `node-${index + 1}`,
        index,
        network: defaultNetwork,
        clock,
        random,
        logger,
        ...(runtime === undefined ? {} : { runtime }),
      },
      stop.signal,
    ),
  );
  await plane.ready;
  const port = plane.listener?.port ?? 0;
  const protobuf = createProtobufCodec(schemas);
  const https = httpsClient({ port, protobuf, authority: pki.clusterAuthority.certificate, user: pki.admin });
  const inProcess = inProcessClient(plane.server);
  return {
    plane,
    storage,
    pki,
    port,
    https,
    inProcess,
    async close() {
      https.close();
      stop.abort();
      await Promise.allSettled(simNodes.map(({ running }) => running));
      await plane.close();
      await Promise.all(simNodes.map(({ runtime: sim }) => sim.close()));
      await storage.close();
    },
  };
}

/** What a suite is given: `api()` is a client of the transport under test. */
export interface Suite {
  readonly api: () => ConformanceClient;
  readonly cluster: () => ConformanceCluster;
  /** A name that differs by transport: both run against one cluster. */
  readonly named: (name: string) => string;
}

/** Runs one capability's suite twice: as client-go speaks (HTTPS, protobuf where the kind has it), and in process. */
export function overBothTransports(
  capability: string,
  suite: (suite: Suite) => void,
  options?: ConformanceClusterOptions,
): void {
  describe(capability, () => {
    let cluster: ConformanceCluster | undefined;
    const running = () => {
      if (cluster === undefined) throw new Error("the cluster does not run");
      return cluster;
    };
    before(async () => {
      cluster = await startConformanceCluster(options);
    });
    after(() => cluster?.close());
    describe("over HTTPS", () =>
      suite({ cluster: running, api: () => running().https, named: (name) => `${name}-https` }));
    describe("in process", () =>
      suite({ cluster: running, api: () => running().inProcess, named: (name) => `${name}-local` }));
  });
}
