import type { APIService } from "../api/apiregistration/types.generated.ts";
import type { Pod, Service } from "../api/core/types.generated.ts";
import { apiServices, pods, services } from "../api/resources.generated.ts";
import { isApiError, notFound } from "../apimachinery/api-error.ts";
import type { ExtensionRequest, ExtensionTransport } from "../apiserver/aggregation/extension-transport.ts";
import type { BackendResponse } from "../apiserver/connect/backend.ts";
import type { Clock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import { isConditionTrue } from "../client/conditions.ts";

/** What one resource of an aggregated API is called. */
export interface ExtensionResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** A request that the API server passed on, authenticated and authorized. */
export interface ExtensionCall {
  readonly method: string;
  /** What stands between the version and the namespace, or after it: "pods", "pods/p/log". */
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly query: URLSearchParams;
  readonly user: string;
  readonly body?: unknown;
}

/** An API behind the aggregation layer, answered by a function. */
export interface ExtensionApi {
  readonly resources: readonly ExtensionResource[];
  /** The answer's object; undefined: 404. An `ApiError` that it throws is the answer. */
  readonly answer: (call: ExtensionCall) => object | undefined | Promise<object | undefined>;
}

/** What a pod's containers use together: quantities, such as "250m" and "64Mi". */
export interface PodUsage {
  readonly cpu: string;
  readonly memory?: string;
}

/** APIs of the test's own, through the real aggregation layer: an APIService, availability, discovery, authorization. */
export interface ExtensionApis {
  /** Serves a group's version ("custom.metrics.k8s.io/v1beta2"); resolves when it is available. `remove` takes it away again. */
  serve(apiVersion: string, api: ExtensionApi): Promise<{ remove(): Promise<void> }>;
  /**
   * Serves `metrics.k8s.io` for the pods that run, as metrics-server does: for horizontal autoscalers and `kubectl top`. The function is
   * asked at each look; undefined: there is no measurement of the pod. Given again, it takes the place of the one before.
   */
  podMetrics(usageOf: (pod: Pod) => PodUsage | undefined): Promise<void>;
}

interface Dependencies {
  readonly client: () => Client;
  /** Reads for the APIs themselves: no fault of a test hits it. */
  readonly backend: () => Client;
  readonly clock: Clock;
  readonly until: (condition: () => Promise<boolean>) => Promise<void>;
}

const namespace = "kube-system";
/** No name of the real world: `.test` is reserved. */
const domain = "extensions.k8ts.test";

export class InProcessExtensions implements ExtensionApis {
  readonly #apis = new Map<string, ExtensionApi>();
  readonly #dependencies: Dependencies;
  #usageOf: ((pod: Pod) => PodUsage | undefined) | undefined;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** Takes what is addressed to the test, and leaves the rest to HTTPS. */
  readonly transport = (https: ExtensionTransport): ExtensionTransport => ({
    ...https,
    request: async (server, request, options) => {
      if (!server.host.endsWith(`.${domain}`)) return https.request(server, request, options);
      return this.#answer(request);
    },
  });

  async serve(apiVersion: string, api: ExtensionApi): Promise<{ remove(): Promise<void> }> {
    const [group = "", version = ""] = apiVersion.split("/");
    const client = this.#dependencies.client();
    const service = group.replaceAll(".", "-");
    const registration = { name: `${version}.${group}` };
    this.#apis.set(apiVersion, api);
    await client.create(services, serviceFor(service)).catch(unlessThere);
    await client.create(apiServices, registrationOf(group, version, service));
    await this.#dependencies.until(async () => {
      const { status } = await client.get(apiServices, registration);
      return isConditionTrue(status?.conditions ?? [], "Available");
    });
    return {
      remove: async () => {
        await client.delete(apiServices, registration);
        this.#apis.delete(apiVersion);
      },
    };
  }

  async podMetrics(usageOf: (pod: Pod) => PodUsage | undefined): Promise<void> {
    const isServed = this.#usageOf !== undefined;
    this.#usageOf = usageOf;
    if (isServed) return;
    await this.serve("metrics.k8s.io/v1beta1", {
      resources: [{ name: "pods", kind: "PodMetrics", namespaced: true }],
      answer: (call) => this.#metricsOf(call),
    });
  }

  async #metricsOf({ resource, namespace, name, query }: ExtensionCall): Promise<object | undefined> {
    if (resource !== "pods") return undefined;
    const client = this.#dependencies.backend();
    const timestamp = new Date(this.#dependencies.clock.now()).toISOString().replace(/\.\d+/, "");
    const measured = (pod: Pod): object[] => {
      const usage = pod.status?.phase === "Running" ? this.#usageOf?.(pod) : undefined;
      return usage === undefined ? [] : [podMetricsOf(pod, usage, timestamp)];
    };
    if (name !== undefined) return measured(await client.get(pods, { namespace: namespace ?? "", name }))[0];
    const labelSelector = query.get("labelSelector");
    const { items, metadata } = await client.list(pods, {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === null ? {} : { labelSelector }),
    });
    return {
      kind: "PodMetricsList",
      apiVersion: "metrics.k8s.io/v1beta1",
      metadata,
      items: items.flatMap(measured),
    };
  }

  async #answer(request: ExtensionRequest): Promise<BackendResponse> {
    const url = new URL(request.target, `https://${domain}`);
    const [, , group = "", version = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
    const apiVersion = `${group}/${version}`;
    const api = this.#apis.get(apiVersion);
    try {
      if (api === undefined) throw notFoundAt(url);
      if (rest.length === 0) return response(200, discoveryOf(apiVersion, api));
      // As over a wire: neither side sees what the other does to it afterwards.
      const answer = await api.answer(callOf(request, url, rest));
      if (answer === undefined) throw notFoundAt(url);
      return response(200, answer);
    } catch (error) {
      if (!isApiError(error)) throw error;
      return response(error.status.code ?? 500, error.status);
    }
  }
}

function callOf(
  { method, headers, body }: ExtensionRequest,
  url: URL,
  path: readonly string[],
): ExtensionCall {
  const isNamespaced = path[0] === "namespaces" && path.length > 2;
  const [resource = "", name, ...subresource] = isNamespaced ? path.slice(2) : path;
  const place = isNamespaced ? path[1] : undefined;
  return {
    method,
    resource: [resource, ...subresource].join("/"),
    query: url.searchParams,
    user: String(headers["x-remote-user"] ?? ""),
    ...(place === undefined ? {} : { namespace: place }),
    ...(name === undefined ? {} : { name }),
    ...(body === undefined || body.length === 0 ? {} : { body: JSON.parse(new TextDecoder().decode(body)) }),
  };
}

function discoveryOf(groupVersion: string, { resources }: ExtensionApi): object {
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion,
    resources: resources.map((resource) => ({ ...resource, singularName: "", verbs: ["get", "list"] })),
  };
}

function podMetricsOf(
  { metadata, spec }: Pod,
  { cpu, memory = "64Mi" }: PodUsage,
  timestamp: string,
): object {
  const { name, labels } = metadata;
  // What is known is known of the pod: its first container stands for it.
  const containers = spec.containers.map((container, index) => ({
    name: container.name,
    usage: index === 0 ? { cpu, memory } : { cpu: "0", memory: "0" },
  }));
  return {
    kind: "PodMetrics",
    apiVersion: "metrics.k8s.io/v1beta1",
    metadata: { name, namespace: metadata.namespace, labels, creationTimestamp: timestamp },
    timestamp,
    window: "30s",
    containers,
  };
}

function serviceFor(name: string): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace, name },
    spec: { type: "ExternalName", externalName: `${name}.${domain}` },
  };
}

function registrationOf(group: string, version: string, service: string): APIService {
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: `${version}.${group}` },
    spec: {
      group,
      version,
      service: { namespace, name: service },
      insecureSkipTLSVerify: true,
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  };
}

function response(status: number, object: object): BackendResponse {
  const bytes = new TextEncoder().encode(JSON.stringify(object));
  return {
    status,
    headers: { "content-type": "application/json" },
    body: (async function* () {
      yield bytes;
    })(),
  };
}

const notFoundAt = (url: URL) => notFound({ group: "", resource: "" }, url.pathname);

/** Versions of one group share the service. */
function unlessThere(error: unknown): void {
  if (!isApiError(error, "AlreadyExists")) throw error;
}
