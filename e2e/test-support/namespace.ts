import { eventually, type Output, type RealCluster, type RunOptions } from "./cluster.ts";

export interface ContainerStatusJson {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly image: string;
  readonly resources?: unknown;
  readonly state: ContainerStateJson;
  readonly lastState: ContainerStateJson;
}

interface ContainerStateJson {
  readonly running?: { readonly startedAt: string };
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason: string; readonly message?: string };
}

/** What these tests read of a pod. */
export interface PodJson {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly deletionTimestamp?: string;
  };
  readonly spec: Spec & { readonly nodeName: string };
  readonly status: {
    readonly phase: string;
    readonly reason?: string;
    readonly message?: string;
    readonly podIP: string;
    readonly hostIP: string;
    readonly qosClass: string;
    readonly observedGeneration?: number;
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly lastTransitionTime: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatusJson[];
    readonly initContainerStatuses?: readonly ContainerStatusJson[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatusJson[];
  };
}

/** A piece of a manifest. */
export type Spec = Readonly<Record<string, unknown>>;

/** A manifest whose kind is one of those below. */
export interface Manifest {
  readonly apiVersion?: string;
  readonly kind: keyof typeof collections;
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

const collections = {
  Pod: "api/v1/namespaces/*/pods",
  Service: "api/v1/namespaces/*/services",
  Endpoints: "api/v1/namespaces/*/endpoints",
  ConfigMap: "api/v1/namespaces/*/configmaps",
  Secret: "api/v1/namespaces/*/secrets",
  EndpointSlice: "apis/discovery.k8s.io/v1/namespaces/*/endpointslices",
  RuntimeClass: "apis/node.k8s.io/v1/runtimeclasses",
} as const;

export interface Reply<T> {
  readonly status: number;
  readonly body: T;
}

/** The API over `kubectl proxy`: asking often costs no process each. */
export class Api implements AsyncDisposable {
  readonly url: string;
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  static async start(cluster: RealCluster): Promise<Api> {
    const proxy = cluster.kubectlInBackground("proxy", "--port=0", "--reject-paths=^$");
    const output = await eventually(
      "kubectl proxy",
      async () => proxy.output(),
      (text) => text.includes("Starting to serve on"),
    );
    const address = /serve on (\S+)/.exec(output)?.[1];
    return new Api(`http://${address}`, () => proxy.stop());
  }

  async send<T>(method: string, path: string, body?: unknown, type = "application/json"): Promise<Reply<T>> {
    const response = await fetch(`${this.url}/${path}`, {
      method,
      headers: { "content-type": type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    // The caller says what it asked for.
    return { status: response.status, body: (isJson ? JSON.parse(text) : text) as T };
  }

  /** Like send, for what must succeed. */
  async must<T>(method: string, path: string, body?: unknown, type?: string): Promise<T> {
    const reply = await this.send<T>(method, path, body, type);
    if (reply.status >= 300)
      throw new Error(`${method} ${path} answered ${reply.status}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  get<T>(path: string): Promise<T> {
    return this.must<T>("GET", path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }
}

/** A test's own namespace. */
export class Namespace {
  readonly name: string;
  readonly api: Api;
  readonly #cluster: RealCluster;

  private constructor(cluster: RealCluster, api: Api, name: string) {
    this.#cluster = cluster;
    this.api = api;
    this.name = name;
  }

  static async create(cluster: RealCluster, api: Api, name: string): Promise<Namespace> {
    await api.must("POST", "api/v1/namespaces", { metadata: { name } });
    await eventually(
      `the service account of ${name}`,
      () => api.send("GET", `api/v1/namespaces/${name}/serviceaccounts/default`),
      ({ status }) => status === 200,
    );
    return new Namespace(cluster, api, name);
  }

  /** Where one object is, or the collection of its kind. */
  path(kind: Manifest["kind"], name?: string): string {
    const collection = collections[kind].replace("*", this.name);
    return name === undefined ? collection : `${collection}/${name}`;
  }

  async create(...objects: readonly Manifest[]): Promise<void> {
    for (const object of objects) await this.api.must("POST", this.path(object.kind), object);
  }

  patch(kind: Manifest["kind"], name: string, patch: unknown, subresource = ""): Promise<unknown> {
    const type = "application/strategic-merge-patch+json";
    return this.api.must("PATCH", `${this.path(kind, name)}${subresource}`, patch, type);
  }

  delete(kind: Manifest["kind"], name: string, options: Spec = {}): Promise<unknown> {
    return this.api.must("DELETE", this.path(kind, name), options);
  }

  pod(name: string): Promise<PodJson> {
    return this.api.get(this.path("Pod", name));
  }

  until(name: string, what: string, isGood: (pod: PodJson) => boolean): Promise<PodJson> {
    return eventually(`${this.name}/${name}: ${what}`, () => this.pod(name), isGood);
  }

  ready(name: string): Promise<PodJson> {
    return this.until(name, "ready", ({ status }) =>
      (status.conditions ?? []).some(
        (condition) => condition.type === "Ready" && condition.status === "True",
      ),
    );
  }

  /** The pod once it has succeeded or failed. */
  ended(name: string): Promise<PodJson> {
    return this.until(name, "ended", ({ status }) => ["Succeeded", "Failed"].includes(status.phase));
  }

  async gone(name: string): Promise<void> {
    await eventually(
      `${name} gone`,
      () => this.api.send("GET", this.path("Pod", name)),
      ({ status }) => status === 404,
    );
  }

  logs(name: string, query = ""): Promise<string> {
    return this.api.get(`${this.path("Pod", name)}/log?${query}`);
  }

  /** Runs a pod to its good end; resolves to the lines it printed. */
  async lines(name: string, spec: Spec): Promise<string[]> {
    await this.create(pod(name, { restartPolicy: "Never", ...spec }));
    const { status } = await this.ended(name);
    const text = await this.logs(name);
    if (status.phase !== "Succeeded") throw new Error(`${name} failed:\n${text}${JSON.stringify(status)}`);
    return text.split("\n").slice(0, -1);
  }

  kubectl(...words: string[]): Promise<string> {
    return this.#cluster.kubectl("-n", this.name, ...words);
  }

  kubectlWith(options: RunOptions, ...words: string[]): Promise<Output> {
    return this.#cluster.kubectlWith(options, "-n", this.name, ...words);
  }

  /** A shell command in a pod that runs; its output without the last newline. */
  async exec(name: string, command: string): Promise<string> {
    return (await this.kubectl("exec", name, "--", "sh", "-c", command)).trimEnd();
  }
}

export const busybox = "k8ts.local/busybox:1";

export function pod(name: string, spec: Spec, metadata: Spec = {}): Manifest {
  return {
    kind: "Pod",
    metadata: { ...metadata, name },
    spec: { terminationGracePeriodSeconds: 2, ...spec },
  };
}

/** A container that runs a shell script. */
export function shell(script: string, more: Spec = {}): Spec {
  return { name: "main", image: busybox, command: ["sh", "-c", script], ...more };
}

/** Goes on until it is told to stop, and stops then. */
export const untilTerminated = "trap 'exit 0' TERM; while true; do sleep 0.1; done";
