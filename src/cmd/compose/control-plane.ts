import { setFlagsFromString } from "node:v8";
import type { ResourceDefinition } from "../../api/definition.ts";
import { builtInDefinitions } from "../../api/registry.ts";
import { schemas } from "../../api/schemas.ts";
import { createProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import { startCompactor } from "../../apiserver/cache/compactor.ts";
import { createStages } from "../../apiserver/create-stages.ts";
import { createBackendTransport } from "../../apiserver/http/backend-transport.ts";
import { createExtensionTransport } from "../../apiserver/http/extension-transport.ts";
import { type Listener, listen } from "../../apiserver/http/listener.ts";
import { httpsWebhookTransport } from "../../apiserver/http/webhook-transport.ts";
import { inProcessTransport } from "../../apiserver/in-process.ts";
import { openApiHandler } from "../../apiserver/openapi/open-api-handler.ts";
import type { Authorities, Pki } from "../../apiserver/pki/ensure-pki.ts";
import { frontProxyNames, frontProxyVerifier } from "../../apiserver/pki/front-proxy.ts";
import { loadTokenKeys } from "../../apiserver/pki/service-account-keys.ts";
import { parseSigningRequest, signRequest } from "../../apiserver/pki/signing-request.ts";
import { type Credential, fingerprintOf } from "../../apiserver/pki/x509.ts";
import { type ApiServer, createApiServer } from "../../apiserver/server.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../../client/event-recorder.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { createClient } from "../../client/rest-client.ts";
import type { Storage } from "../../storage/storage.ts";
import { identities } from "./identities.ts";
import { kubernetesVersion } from "./versions.ts";

export interface ClusterNetwork {
  readonly serviceCidr: string;
  readonly clusterCidr: string;
  readonly clusterDomain: string;
  /** The address of kube-system/kube-dns. */
  readonly dnsAddress: string;
}

export const defaultNetwork: ClusterNetwork = {
  serviceCidr: "10.96.0.0/12",
  clusterCidr: "10.244.0.0/16",
  clusterDomain: "cluster.local",
  dnsAddress: "10.96.0.10",
};

export interface ControlPlaneOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The authorities suffice where only this process reaches it; to listen, and to reach others, it needs the rest. */
  readonly pki: Authorities & Partial<Pick<Pki, "serving" | "kubeletClient" | "frontProxyClient">>;
  readonly network: ClusterNetwork;
  /** Where to listen; absent: only in this process. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Where pods reach it: behind the service `kubernetes`. Absent: that service is not kept. */
  readonly endpoint?: { readonly address: string; readonly port: number };
  /** "https://host:port" as clients outside reach it. */
  readonly externalUrl: string;
  /** Names of components that are not to run: "scheduler", or a controller's name. */
  readonly disabled: ReadonlySet<string>;
}

/** The API server with scheduler and controllers, in this process. */
export interface ControlPlane {
  readonly server: ApiServer;
  readonly listener: Listener | undefined;
  /** Informers that all components of this process share. */
  readonly informers: InformerFactory;
  clientFor(user: UserInfo): Client;
  recorderFor(client: Client, component: string, host?: string): EventRecorder;
  /** Starts scheduler and controllers. */
  startComponents(): void;
  /** Resolves when the API server has done its start hooks: /readyz says ok. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { clock, random, logger, pki } = options;
  // Patterns come from users (schemas, CEL): one that backtracks without end goes on in V8's linear engine, as Go's all do.
  setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
  const stop = new AbortController();
  const protobuf = createProtobufCodec(schemas);
  const kubelet = pki.kubeletClient && {
    ...identityOf(pki.kubeletClient),
    authority: pki.clusterAuthority.certificate,
  };
  const webhooks = httpsWebhookTransport();
  const extensions = createExtensionTransport(pki.frontProxyClient && identityOf(pki.frontProxyClient));
  const server: ApiServer = await createApiServer({
    storage: options.storage,
    clock,
    random,
    logger: logger.child({ component: "apiserver" }),
    definitions: builtInDefinitions,
    modelOf: ({ group, version, kind }) => schemas.kind(group, version, kind),
    protobuf,
    backends: createBackendTransport(kubelet),
    extensionTransport: extensions,
    services: {
      clusterIpRanges: [options.network.serviceCidr],
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    },
    externalAddress: new URL(options.externalUrl).host,
    webhookTransport: webhooks,
    nonResourceHandlers: [openApiHandler(() => loadOpenApi(() => server.definitions()))],
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
        externalUrl: options.externalUrl,
        isFrontProxy: frontProxyVerifier(pki.frontProxyAuthority.certificate, { now: () => clock.now() }),
        authenticationInfo: {
          clientAuthority: pki.clusterAuthority.certificate,
          frontProxyAuthority: pki.frontProxyAuthority.certificate,
          frontProxyNames,
        },
        webhookTransport: webhooks,
        definitionOf: (resource) => server.definitionOf(resource),
        definitions: () => server.definitions(),
      });
    },
  });
  const ready = server.start();
  ready.catch((error: unknown) => logger.error({ error }, "the API server's start hooks failed"));
  const listener =
    options.listen === undefined
      ? undefined
      : await listen({
          server,
          ...options.listen,
          ...identityOf(servingOf(pki)),
          clientAuthorities: [pki.clusterAuthority.certificate],
          logger,
          protobuf,
          ...(kubelet === undefined ? {} : { kubelet }),
        });

  const compactor = startCompactor({ storage: options.storage, clock, logger });
  const clientFor = (user: UserInfo) => createClient({ transport: inProcessTransport(server, user), clock });
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
    informers,
    ready,
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
      running.push(...components(plane, options, stop.signal));
    },
    async close() {
      stop.abort();
      await Promise.allSettled(running);
      await listener?.close();
      compactor.stop();
      await server.close();
      webhooks.close();
      extensions.close();
    },
  };
  return plane;
}

function identityOf({ certificate, key }: Credential): { certificate: string; privateKey: string } {
  return { certificate, privateKey: key };
}

function servingOf({ serving }: ControlPlaneOptions["pki"]): Credential {
  if (serving === undefined) throw new Error("a control plane listens with a serving certificate only");
  return serving;
}

async function loadOpenApi(definitions: () => readonly ResourceDefinition[]) {
  const { createOpenApi } = await import("../../apiserver/openapi/open-api.ts");
  const { customSchema } = await import("../../apiserver/custom-resources/open-api.ts");
  return createOpenApi({
    definitions,
    customSchema,
    tables: schemas,
    serverVersion: kubernetesVersion,
  });
}

/** Scheduler and controllers; each failure to run is logged, none ends the process. */
function components(plane: ControlPlane, options: ControlPlaneOptions, signal: AbortSignal): Promise<void>[] {
  const { clock, random, logger, disabled, network, pki } = options;
  const run = async (name: string, work: () => Promise<void>) => {
    if (disabled.has(name)) return;
    try {
      await work();
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
      options: {
        clusterCidr: network.clusterCidr,
        rootCaPem: pki.clusterAuthority.certificate,
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
    await createScheduler({
      client,
      informers: plane.informers,
      recorder: plane.recorderFor(client, "default-scheduler"),
      clock,
      random,
      logger: logger.child({ component: "scheduler" }),
      options: {},
    }).run(signal);
  });
  return [controllers, scheduler];
}
