import type { Duplex } from "node:stream";
import { startCompactor } from "../../apiserver/cache/compactor.ts";
import type { Listener } from "../../apiserver/http/listener.ts";
import { inProcessTransport } from "../../apiserver/in-process.ts";
import { QueueMetrics } from "../../apiserver/metrics/queue-metrics.ts";
import { loadTokenKeys } from "../../apiserver/pki/service-account-keys.ts";
import { parseSigningRequest, signRequest } from "../../apiserver/pki/signing-request.ts";
import type { ApiServer } from "../../apiserver/server.ts";
import { MetricSources } from "../../base/metrics/metric-sources.ts";
import type { Client } from "../../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../../client/event-recorder.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { createClient } from "../../client/rest-client.ts";
import { type ControlPlaneOptions, composeApiServer, type ListenPlace } from "./api-server.ts";
import { ComponentHealth } from "./component-health.ts";
import { identities } from "./identities.ts";

/** The API server with scheduler and controllers, in this process. */
export interface ControlPlane {
  readonly server: ApiServer;
  readonly listener: Listener | undefined;
  /** Listens at one more place, which `close` does not close. */
  listen(place: ListenPlace): Promise<Listener>;
  /** A connection within this process, for what takes one over: exec, attach, port-forward. */
  connect(user: UserInfo): Promise<Duplex>;
  /** Informers that all components of this process share. */
  readonly informers: InformerFactory;
  clientFor(user: UserInfo): Client;
  recorderFor(client: Client, component: string, host?: string): EventRecorder;
  /** Starts scheduler and controllers. */
  startComponents(): void;
  /** Resolves when the API server has done its start hooks: /readyz says ok. */
  readonly ready: Promise<void>;
  /** /readyz says no; resolves when those who ask it had time to see that. All is still served. */
  announceShutdown(): Promise<void>;
  close(): Promise<void>;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { clock, random, logger } = options;
  const stop = new AbortController();
  const health = new ComponentHealth();
  const queues = new QueueMetrics();
  const metrics = new MetricSources();
  const metricSources = [...(options.metricSources ?? []), queues, metrics];
  const composed = await composeApiServer(
    { ...options, components: health.checks, metricSources },
    stop.signal,
  );
  const { server, entrance, listener, listen, connect, ready, announceShutdown, close } = composed;
  const compactor = compactorFor(options);
  const clientFor = (user: UserInfo) =>
    createClient({ transport: inProcessTransport(entrance, user), clock });
  const informers = createInformerFactory({
    client: clientFor(identities.controllerManager),
    clock,
    random,
    logger,
  });
  const running: Promise<unknown>[] = [];
  const plane: ControlPlane = {
    server,
    listener,
    listen,
    connect,
    informers,
    ready,
    announceShutdown,
    clientFor,
    recorderFor: (client, component, host) =>
      createEventRecorder({
        client,
        clock,
        random,
        logger,
        component,
        signal: stop.signal,
        ...(host === undefined ? {} : { host }),
      }),
    startComponents(): void {
      running.push(...components(plane, options, { health, queues, metrics, signal: stop.signal }));
    },
    async close() {
      stop.abort();
      await Promise.allSettled(running);
      compactor?.stop();
      await close();
    },
  };
  return plane;
}

function compactorFor({ storage, clock, logger, operation }: ControlPlaneOptions) {
  const periodMs = operation?.compactionIntervalMs;
  if (periodMs === 0) return undefined;
  return startCompactor({ storage, clock, logger, ...(periodMs === undefined ? {} : { periodMs }) });
}

interface ComponentsInput {
  readonly health: ComponentHealth;
  readonly queues: QueueMetrics;
  /** Where components add what they count. */
  readonly metrics: MetricSources;
  readonly signal: AbortSignal;
}

/** Scheduler and controllers; each failure to run is logged, none ends the process. */
function components(
  plane: ControlPlane,
  options: ControlPlaneOptions,
  { health, queues, metrics, signal }: ComponentsInput,
): Promise<void>[] {
  const { clock, random, logger, disabled, network, pki } = options;
  const run = async (name: string, work: () => Promise<void>) => {
    if (disabled.has(name)) return;
    try {
      await health.during(name, work);
    } catch (error) {
      if (!signal.aborted) logger.error({ error, component: name }, "a component failed");
    }
  };
  const controllers = run("controller-manager", async () => {
    const { createControllerManager } = await clock.hold(import("../../controllers/main.ts"));
    const manager = createControllerManager({
      client: plane.clientFor(identities.controllerManager),
      informers: plane.informers,
      clock,
      random,
      logger: logger.child({ component: "controller-manager" }),
      queueMetrics: (name) => queues.of(name),
      metrics,
      options: {
        clusterCidr: network.clusterCidr,
        rootCaPem: pki.clusterAuthority.certificate,
        // A plugin signs no tokens that do not end.
        ...(options.auth?.signingEndpoint === undefined && {
          signToken: (claims: object) =>
            clock.hold(loadTokenKeys({ signingKey: pki.serviceAccountKey }).sign(claims)),
        }),
        certificates: {
          readRequest: (pem) => clock.hold(parseSigningRequest(pem)),
          sign: (pem, wanted) =>
            clock.hold(signRequest(pki.clusterAuthority, pem, { ...wanted, nowMs: clock.now() })),
        },
        disabled: [...disabled],
      },
    });
    await manager.start(signal);
  });
  const scheduler = run("scheduler", async () => {
    const { createScheduler } = await clock.hold(import("../../scheduler/main.ts"));
    const client = plane.clientFor(identities.scheduler);
    const running = createScheduler({
      client,
      informers: plane.informers,
      recorder: plane.recorderFor(client, "default-scheduler"),
      clock,
      random,
      logger: logger.child({ component: "scheduler" }),
      options: {},
    });
    metrics.add(running.metrics);
    await running.run(signal);
  });
  return [controllers, scheduler];
}
