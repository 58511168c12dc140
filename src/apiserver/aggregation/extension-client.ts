import type { Service } from "../../api/core/types.generated.ts";
import type { EndpointSlice } from "../../api/discovery/types.generated.ts";
import { serviceUnavailable } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../base/random.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { Backend, BackendResponse } from "../connect/backend.ts";
import { serviceBackend } from "../connect/proxy-target.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { ExtensionRequest, ExtensionTarget, ExtensionTransport } from "./extension-transport.ts";
import { identityHeaders, readAll } from "./proxy.ts";
import type { ExtensionRoute } from "./routes.ts";

/** Who this server is when it asks for itself. */
const aggregator: UserInfo = { name: "system:kube-aggregator", groups: ["system:masters"] };
const requestTimeoutMs = 5_000;
const cachingHeaders = ["etag", "cache-control", "expires"];
const maxDocumentBytes = 32 * 1024 * 1024;

export interface ExtensionClientDependencies {
  readonly transport: ExtensionTransport;
  readonly random: Random;
  readonly services: ResourceStore;
  readonly endpointSlices: ResourceStore;
}

export interface ExtensionDocument {
  readonly status: number;
  readonly contentType: string;
  /** What it says of how long, and as what, it may be kept. */
  readonly caching: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
}

/** Reaches extension API servers by the services in front of them. */
export class ExtensionClient {
  readonly #dependencies: ExtensionClientDependencies;

  constructor(dependencies: ExtensionClientDependencies) {
    this.#dependencies = dependencies;
  }

  /** The service and its endpoint slices as they stand. */
  async observe({
    service,
  }: ExtensionRoute): Promise<{ service: Service | undefined; slices: readonly EndpointSlice[] }> {
    const { services, endpointSlices } = this.#dependencies;
    const { namespace, name } = service;
    const found = await services.find({ namespace, name }, { minRevision: 0 });
    const { items } = await endpointSlices.cache.list({
      selection: {
        namespace,
        matches: ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name,
      },
      minRevision: 0,
    });
    // Services and EndpointSlices as the registry keeps them.
    return {
      service: found as AnyObject & Service,
      slices: items.map(({ object }) => object as AnyObject & EndpointSlice),
    };
  }

  /** One of its servers. Throws 503 where there is none. */
  async resolve(route: ExtensionRoute): Promise<ExtensionTarget> {
    const { service, slices } = await this.observe(route);
    const { namespace, name, port } = route.service;
    if (service === undefined) throw serviceUnavailable(`service ${JSON.stringify(name)} not found`);
    return {
      ...addressOf(service, slices, port, this.#dependencies.random),
      serverName: `${name}.${namespace}.svc`,
      ...(route.authority === undefined ? {} : { authority: route.authority }),
      insecure: route.insecure,
    };
  }

  async send(
    route: ExtensionRoute,
    request: ExtensionRequest,
    options: { readonly signal: AbortSignal; readonly timeoutMs?: number },
  ): Promise<BackendResponse> {
    return this.#dependencies.transport.request(await this.resolve(route), request, options);
  }

  /** Where a connection goes that a request takes over. Throws 503 where there is no server. */
  async passage(route: ExtensionRoute): Promise<Backend> {
    const { host, port, ...trust } = await this.resolve(route);
    return {
      scheme: "https",
      host,
      port,
      identity: "none",
      frontProxy: { ...trust, ...this.#dependencies.transport.identity },
    };
  }

  /** A document of the extension server's own, asked for by this server. Rejects after five seconds. */
  async document(
    route: ExtensionRoute,
    path: string,
    headers: Readonly<Record<string, string>>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<ExtensionDocument> {
    const request: ExtensionRequest = {
      method: "GET",
      target: path,
      headers: { ...headers, ...identityHeaders(aggregator) },
    };
    const response = await this.send(route, request, { signal, timeoutMs: requestTimeoutMs });
    return {
      status: response.status,
      contentType: String(response.headers["content-type"] ?? ""),
      caching: Object.fromEntries(
        cachingHeaders.flatMap((name) => {
          const value = response.headers[name];
          return typeof value === "string" ? [[name, value]] : [];
        }),
      ),
      bytes: await readAll(response.body, maxDocumentBytes),
    };
  }
}

/** Endpoints are reached where they are, so that nothing depends on a proxy on this machine; else the cluster IP. */
function addressOf(
  { spec, metadata }: Service,
  slices: readonly EndpointSlice[],
  port: number,
  random: Random,
): { readonly host: string; readonly port: number } {
  if (spec?.type === "ExternalName") return { host: spec.externalName ?? "", port };
  const clusterIp = spec?.clusterIP ?? "";
  if (slices.length === 0 && clusterIp !== "" && clusterIp !== "None") return { host: clusterIp, port };
  const object = { apiVersion: "v1", kind: "Service", metadata, spec };
  const { host, port: target } = serviceBackend(
    object,
    slices as readonly (EndpointSlice & AnyObject)[], // objects of a known kind
    { scheme: "https", name: metadata.name ?? "", port: String(port) },
    random,
  );
  return { host, port: target };
}
