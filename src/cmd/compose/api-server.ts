import type { Duplex } from "node:stream";
import { setFlagsFromString } from "node:v8";
import type { ResourceDefinition } from "../../api/definition.ts";
import { builtInDefinitions } from "../../api/registry.ts";
import { schemas } from "../../api/schemas.ts";
import { createProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { AdmissionPlugins } from "../../apiserver/admission/flagged-plugins.ts";
import type { WebhookTransport } from "../../apiserver/admission/webhooks/caller.ts";
import type { ExtensionTransport } from "../../apiserver/aggregation/extension-transport.ts";
import type { Auditor } from "../../apiserver/audit/auditor.ts";
import { usualRemoteHeaders } from "../../apiserver/authentication/create-authenticator.ts";
import { forBrowsers } from "../../apiserver/browser-policy.ts";
import { createStages } from "../../apiserver/create-stages.ts";
import { DrainGate } from "../../apiserver/drain-gate.ts";
import type { HealthCheck } from "../../apiserver/health.ts";
import type { Listener, ListenerOptions } from "../../apiserver/http/listener.ts";
import type { DialInProcess, KubeletIdentity } from "../../apiserver/http/upgrade.ts";
import { createYamlParser } from "../../apiserver/http/yaml-parser.ts";
import { openApiHandler } from "../../apiserver/openapi/open-api-handler.ts";
import type { Authorities, Pki } from "../../apiserver/pki/ensure-pki.ts";
import {
  type FrontProxyTrust,
  frontProxyNames,
  frontProxyVerifier,
} from "../../apiserver/pki/front-proxy.ts";
import { loadTokenKeys } from "../../apiserver/pki/service-account-keys.ts";
import { parseSigningRequest } from "../../apiserver/pki/signing-request.ts";
import { type Credential, fingerprintOf } from "../../apiserver/pki/x509.ts";
import { profilingHandler } from "../../apiserver/profiling/profiling-handler.ts";
import { type ApiServer, createApiServer } from "../../apiserver/server.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { MetricSource } from "../../base/metrics/family.ts";
import type { Random } from "../../base/random.ts";
import type { Transport, UserInfo } from "../../client/exchange.ts";
import { createInformerFactory } from "../../client/informer-factory.ts";
import { createClient } from "../../client/rest-client.ts";
import type { Storage } from "../../storage/storage.ts";
import { externalAddressOf, jwksUriOf, portOf } from "./addresses.ts";
import type { AdmissionComposition } from "./admission.ts";
import type { AuthOptions } from "./auth-options.ts";
import type { ClusterNetwork } from "./cluster-network.ts";
import type { ExternalAuth } from "./external-auth.ts";
import { audiencesOf, issuersOf } from "./issuers.ts";
import { type AdmissionOptions, defaultOperation, type OperationOptions } from "./operation-options.ts";
import { serverIdentity } from "./server-identity.ts";
import { kubernetesVersion } from "./versions.ts";
import { inProcessConnector, lazyWire } from "./wire.ts";

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
  /** Where pods reach it: behind the service `kubernetes`. Absent: that service has no endpoints. */
  readonly endpoint?: { readonly address: string; readonly port: number };
  /** "https://host:port" as clients outside reach it. */
  readonly externalUrl: string;
  /** What an administrator adds to authentication and authorization. */
  readonly auth?: AuthOptions;
  /** How it is run, where an administrator said something of it. Encryption is `storage`'s. */
  readonly operation?: OperationOptions;
  /** What storage needs beside itself. */
  readonly storageChecks?: readonly HealthCheck[];
  /** What is said of the components beside the server. */
  readonly components?: readonly HealthCheck[];
  /** The flags that were given, for /flagz. */
  readonly flags?: ReadonlyMap<string, string>;
  /** Shown at /metrics beside the API server's own. */
  readonly metricSources?: readonly MetricSource[];
  /** Names of components that are not to run: "scheduler", or a controller's name. */
  readonly disabled: ReadonlySet<string>;
  /** Stands before the server for all who ask it but itself: tests' faults. */
  readonly intercept?: (server: Entrance) => Entrance;
  /** Calls some webhooks in another way than over HTTPS. */
  readonly webhooks?: (https: WebhookTransport) => WebhookTransport;
  /** The same for extension API servers. */
  readonly extensions?: (https: ExtensionTransport) => ExtensionTransport;
  /** Reaches kubelets and pods that are in this process. */
  readonly dialInProcess?: DialInProcess;
}

/** The way into an API server. */
export type Entrance = Pick<ApiServer, "handle" | "upgrade">;

/** An API server with all that stands around it. */
export interface ComposedApiServer {
  readonly server: ApiServer;
  /** What all but the server itself ask. */
  readonly entrance: Entrance;
  readonly listener: Listener | undefined;
  /** Listens at one more place, which `close` does not close. */
  listen(place: ListenPlace): Promise<Listener>;
  /** A connection within this process, for what takes one over: exec, attach, port-forward. */
  connect(user: UserInfo): Promise<Duplex>;
  /** Resolves when the start hooks are done: /readyz says ok. */
  readonly ready: Promise<void>;
  /** /readyz says no; resolves when those who ask it had time to see that. All is still served. */
  announceShutdown(): Promise<void>;
  /** Finishes the requests that came over the network, then ends. */
  close(): Promise<void>;
}

export interface ListenPlace {
  readonly host: string;
  readonly port: number;
  readonly serving: Credential;
  /** Whose clients' certificates are believed. */
  readonly clientAuthority: Credential;
}

/** Puts the API server together and starts it; it answers when this resolves. The signal ends its informers. */
export async function composeApiServer(
  options: ControlPlaneOptions,
  signal: AbortSignal,
): Promise<ComposedApiServer> {
  const { clock, random, logger, pki } = options;
  // Patterns come from users (schemas, CEL): one that backtracks without end goes on in V8's linear engine, as Go's all do.
  setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
  const protobuf = createProtobufCodec(schemas);
  const { kubelet, frontProxy } = outgoingIdentities(pki);
  const wire = lazyWire({ kubelet, frontProxy }, clock, options.dialInProcess);
  const webhooks = options.webhooks?.(wire.webhooks) ?? wire.webhooks;
  const auth = await externalAuth(options, signal);
  const { operation = defaultOperation } = options;
  const audit = await auditOf(options);
  const plugins = operation.admission && (await pluginsOf(operation.admission, { clock, random, signal }));
  const server: ApiServer = await createApiServer({
    storage: options.storage,
    clock,
    random,
    logger: logger.child({ component: "apiserver" }),
    definitions: definitionsFor(operation),
    modelOf: ({ group, version, kind }) => schemas.kind(group, version, kind),
    protobuf,
    parseYaml: createYamlParser(),
    backends: wire.backends,
    extensionTransport: options.extensions?.(wire.extensions) ?? wire.extensions,
    webhookTransport: webhooks,
    nonResourceHandlers: [
      openApiHandler(
        () => loadOpenApi(() => server.definitions()),
        () => clock.now(),
      ),
      ...(operation.profiling ? [profilingHandler({ clock })] : []),
    ],
    ...asConfigured(options, { operation, auth, audit }),
    stages: (loopback) =>
      composeStages(options, { loopback, webhooks, auth, plugins, server: () => server, signal }),
  });
  const ready = server.start();
  ready.catch((error: unknown) => logger.error({ error }, "the API server's start hooks failed"));
  const entrance = options.intercept?.(server) ?? server;
  const gate = gateOf(options, entrance);
  const parts = { server, gate, protobuf, ...streamsOf(options, kubelet) };
  const listener = await listenerOf(options, auth, parts);
  return {
    server,
    entrance,
    listener,
    async listen({ serving, clientAuthority, ...place }) {
      const { listen } = await import("../../apiserver/http/listener.ts");
      const clientAuthorities = [clientAuthority.certificate];
      return listen({ ...parts, ...place, ...identityOf(serving), clientAuthorities, logger });
    },
    connect: inProcessConnector({ ...parts, server: gate, logger }, clock),
    ready,
    async announceShutdown() {
      server.beginShutdown();
      if (operation.shutdownDelayMs > 0) await sleep(clock, operation.shutdownDelayMs);
    },
    async close() {
      server.beginShutdown();
      const { sendRetryAfter } = operation;
      if (listener !== undefined) await gate.drain({ sendRetryAfter, timeoutMs: maxDrainMs });
      await listener?.close();
      await server.close();
      await audit?.close();
      await wire.close();
    },
  };
}

/** The way in from the network. */
function gateOf({ clock, random, operation }: ControlPlaneOptions, entrance: Entrance): DrainGate {
  const { browsers } = operation?.serving ?? {};
  return new DrainGate(browsers ? forBrowsers(entrance, browsers, { random }) : entrance, { clock });
}

interface Configuration {
  readonly operation: OperationOptions;
  readonly auth: ExternalAuth | undefined;
  readonly audit: { readonly auditor: Auditor } | undefined;
}

/** What differs from cluster to cluster. */
function asConfigured(
  options: ControlPlaneOptions,
  { operation: { flowControl, livezGraceMs, minWatchSeconds, nodePorts }, auth, audit }: Configuration,
) {
  const { components, endpoint, externalUrl, flags, listen, metricSources = [], storageChecks } = options;
  return {
    services: {
      clusterIpRanges: [options.network.serviceCidr],
      endpoint: endpoint ?? { port: portOf(externalUrl) },
      ...(nodePorts && { nodePorts }),
    },
    ...(listen && { identity: serverIdentity(endpoint) }),
    externalAddress: externalAddressOf(options),
    metricSources: [...metricSources, ...(auth?.metricSources ?? [])],
    ...(components && { components }),
    ...(storageChecks && { storageChecks }),
    ...(audit && { auditor: audit.auditor }),
    ...(flags && { flags }),
    ...(livezGraceMs === undefined ? {} : { livezGraceMs }),
    ...(minWatchSeconds === undefined ? {} : { minWatchSeconds }),
    ...(flowControl && { flowControl }),
  };
}

/** How the server proves itself to what it calls. */
function outgoingIdentities({
  kubeletClient,
  frontProxyClient,
  clusterAuthority,
}: ControlPlaneOptions["pki"]) {
  const authority = clusterAuthority.certificate;
  return {
    kubelet: kubeletClient && { ...identityOf(kubeletClient), authority },
    frontProxy: frontProxyClient && identityOf(frontProxyClient),
  };
}

/** How what takes a connection over gets on to nodes. */
function streamsOf({ dialInProcess }: ControlPlaneOptions, kubelet: KubeletIdentity | undefined) {
  return { ...(kubelet && { kubelet }), ...(dialInProcess && { dialInProcess }) };
}

async function listenerOf(
  { listen: place, pki, logger, operation = defaultOperation }: ControlPlaneOptions,
  auth: ExternalAuth | undefined,
  parts: Pick<ListenerOptions, "server" | "gate" | "protobuf" | "kubelet" | "dialInProcess">,
): Promise<Listener | undefined> {
  if (place === undefined) return undefined;
  const { flowControl: { requestTimeoutMs } = {}, goawayChance = 0, serving } = operation;
  const { listen } = await import("../../apiserver/http/listener.ts");
  return listen({
    ...parts,
    ...place,
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    goawayChance,
    ...serving,
    ...identityOf(servingOf(pki)),
    clientAuthorities: [pki.clusterAuthority.certificate, ...(auth?.clientAuthorities ?? [])],
    frontProxyAuthorities: frontProxyOf(pki, auth).authorities,
    logger,
  });
}

/** Whoever stops the process waits no longer than a minute. */
const maxDrainMs = 30_000;

/** What is built in, but for versions that are switched off; events live as long as they are wanted. */
function definitionsFor({
  eventTtlSeconds,
  disabledVersions,
}: OperationOptions): readonly ResourceDefinition[] {
  if (eventTtlSeconds === undefined && disabledVersions === undefined) return builtInDefinitions;
  return builtInDefinitions.flatMap((definition) => {
    const { group, strategy } = definition;
    const versions = definition.versions.filter(
      (version) => disabledVersions?.has(`${group}/${version}`) !== true,
    );
    if (versions.length === 0) return [];
    const ttlSeconds =
      strategy.ttlSeconds === undefined ? undefined : (eventTtlSeconds ?? strategy.ttlSeconds);
    return [{ ...definition, versions, strategy: { ...strategy, ...(ttlSeconds && { ttlSeconds }) } }];
  });
}

async function auditOf({ operation, clock, random, logger }: ControlPlaneOptions) {
  if (operation?.audit === undefined) return undefined;
  const { composeAudit } = await import("./audit.ts");
  return composeAudit(operation.audit, { clock, random, logger });
}

async function pluginsOf(
  admission: AdmissionOptions,
  dependencies: AdmissionComposition,
): Promise<AdmissionPlugins> {
  const { composeAdmission } = await import("./admission.ts");
  return composeAdmission(admission, dependencies);
}

interface StagesInput {
  readonly loopback: Transport;
  readonly webhooks: WebhookTransport;
  readonly auth: ExternalAuth | undefined;
  readonly plugins: AdmissionPlugins | undefined;
  /** Known only once the stages are made. */
  readonly server: () => ApiServer;
  readonly signal: AbortSignal;
}

async function externalAuth(
  options: ControlPlaneOptions,
  signal: AbortSignal,
): Promise<ExternalAuth | undefined> {
  const { auth, clock, random, logger } = options;
  if (auth === undefined) return undefined;
  const { loadExternalAuth } = await import("./external-auth.ts");
  const issuers = issuersOf(options);
  return loadExternalAuth(auth, { clock, random, logger, signal, issuers, audiences: audiencesOf(options) });
}

/** Authentication, authorization and admission, which read the cluster through the server they stand before. */
function composeStages(
  options: ControlPlaneOptions,
  { loopback, webhooks, auth, plugins, server, signal }: StagesInput,
) {
  const { clock, random, logger, pki } = options;
  const {
    verificationKeys = [],
    clientAuthorities = [],
    metricSources: _,
    requestHeader: __,
    ...fromFiles
  } = auth ?? {};
  const frontProxy = frontProxyOf(pki, auth);
  const remoteHeaders = auth?.requestHeader?.headers ?? usualRemoteHeaders;
  const [issuer, ...moreIssuers] = issuersOf(options);
  const client = createClient({ transport: loopback, clock });
  return createStages({
    client,
    informers: createInformerFactory({ client, clock, random, logger }),
    clock,
    random,
    logger,
    signal,
    tokenKeys: loadTokenKeys({ signingKey: pki.serviceAccountKey, verificationKeys }),
    ...(issuer === undefined ? {} : { issuer }),
    moreIssuers,
    audiences: audiencesOf(options),
    ...fromFiles,
    readSubject: parseSigningRequest,
    fingerprint: fingerprintOf,
    jwksUri: jwksUriOf(options),
    isFrontProxy: frontProxyVerifier(frontProxy, { now: () => clock.now() }),
    remoteHeaders,
    authenticationInfo: {
      clientAuthority: [pki.clusterAuthority.certificate, ...clientAuthorities].join("\n"),
      frontProxyAuthority: frontProxy.authorities.join("\n"),
      frontProxyNames: frontProxy.allowedNames,
      remoteHeaders,
    },
    webhookTransport: webhooks,
    ...(plugins && { admissionPlugins: plugins }),
    definitionOf: (resource) => server().definitionOf(resource),
    definitions: () => server().definitions(),
  });
}

/** The cluster's own, and the one an administrator adds. */
function frontProxyOf(
  { frontProxyAuthority }: Pick<Authorities, "frontProxyAuthority">,
  auth: ExternalAuth | undefined,
): FrontProxyTrust {
  const { authorities = [], allowedNames = frontProxyNames } = auth?.requestHeader ?? {};
  return {
    authorities: [frontProxyAuthority.certificate, ...authorities],
    allowedNames: allowedNames.length === 0 ? [] : [...new Set([...frontProxyNames, ...allowedNames])],
  };
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
