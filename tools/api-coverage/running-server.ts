import { createStages } from "../../src/apiserver/create-stages.ts";
import { generateTokenKey, loadTokenKeys } from "../../src/apiserver/pki/service-account-keys.ts";
import { parseSigningRequest } from "../../src/apiserver/pki/signing-request.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { ApiError } from "../../src/client/index.ts";
import { startCluster, type TestCluster } from "../../src/testing/index.ts";
import { resourceOf, stabilityOf, type UpstreamApi } from "./upstream.ts";

/** One entry of discovery. */
export interface ServedResource {
  /** "pods", "pods/log". */
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Of a subresource of another group. */
  readonly group?: string;
  readonly version?: string;
}

export interface ServedVersion {
  /** "v1", "apps/v1". */
  readonly groupVersion: string;
  readonly resources: readonly ServedResource[];
}

export interface RunningServer {
  readonly versions: readonly ServedVersion[];
  /** The admission chain's plugins, in the order in which they are asked. */
  readonly plugins: readonly string[];
  /** "get /api/v1/pods": what upstream has in a stable version and this server does not know. */
  readonly unknown: readonly string[];
  /** The same in the OpenAPI document: served, and not told there. */
  readonly undescribed: readonly string[];
}

/** Starts the API server in this process as tests have it, asks it what it serves, and stops it. */
export async function askRunningServer(upstream: UpstreamApi): Promise<RunningServer> {
  await using cluster = await startCluster({ nodes: 0, disable: ["scheduler", "controller-manager"] });
  const stable = Object.entries(upstream.paths).filter(([path]) => {
    const resource = resourceOf(path);
    return stabilityOf(resource?.groupVersion ?? "v1") === "stable" && !isOfAbsentGroup(path, upstream);
  });
  return {
    versions: await discover(cluster),
    plugins: pluginsOf(cluster),
    undescribed: await undescribed(cluster, stable),
    // Last: it deletes what it can.
    unknown: await unknownOperations(cluster, stable),
  };
}

/** Discovery of a group that has no stable version. */
function isOfAbsentGroup(path: string, { paths }: UpstreamApi): boolean {
  const group = /^\/apis\/([^/]+)$/.exec(path)?.[1];
  if (group === undefined) return /^\/apis\/[^/]+\/v\d+(alpha|beta)\d+$/.test(path);
  return !Object.keys(paths).some((other) => new RegExp(`^/apis/${group}/v\\d+(/|$)`).test(other));
}

async function discover({ client }: TestCluster): Promise<ServedVersion[]> {
  // The shapes of meta.k8s.io/v1: APIGroupList and APIResourceList.
  const { groups } = (await client.raw("/apis")) as {
    groups: { versions: { groupVersion: string }[] }[];
  };
  const names = ["v1", ...groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion))];
  return Promise.all(
    names.map(async (groupVersion) => {
      const path = groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`;
      const { resources } = (await client.raw(path)) as { resources: ServedResource[] };
      return { groupVersion, resources };
    }),
  );
}

/** Of a chain like the cluster's own, that is never asked. */
function pluginsOf({ client, clock, informers, controlPlane }: TestCluster): string[] {
  const { admission } = createStages({
    client,
    informers,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    signal: AbortSignal.abort(),
    tokenKeys: loadTokenKeys({ signingKey: generateTokenKey() }),
    readSubject: parseSigningRequest,
    jwksUri: "https://127.0.0.1:6443/openid/v1/jwks",
    webhookTransport: { post: () => Promise.reject(new Error("no webhook is called")) },
    definitions: () => controlPlane.server.definitions(),
  });
  return admission.map(({ name }) => name);
}

type Operations = readonly (readonly [path: string, methods: string])[];

async function undescribed({ client }: TestCluster, operations: Operations): Promise<string[]> {
  const answer = (await client.raw("/openapi/v2")) as { text: string };
  const { paths } = JSON.parse(answer.text) as { paths: Record<string, Record<string, unknown>> };
  const told = new Map(Object.entries(paths).map(([path, item]) => [path.replace(/\/$/, ""), item]));
  return operations.flatMap(([path, methods]) =>
    methods
      .split(" ")
      .filter((method) => told.get(path)?.[method] === undefined)
      .map((method) => `${method} ${path}`),
  );
}

/** Those that are answered as a path that does not exist, or a method that it does not have. */
async function unknownOperations({ controlPlane }: TestCluster, operations: Operations): Promise<string[]> {
  const unknown: string[] = [];
  for (const [path, methods] of operations)
    for (const method of methods.split(" ")) {
      const error = await refusalOf(controlPlane, method, path);
      const generic =
        error?.code === 404 && error.message.includes("the server could not find the requested resource");
      if (generic || error?.code === 405) unknown.push(`${method} ${path}`);
    }
  return unknown;
}

const administrator = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
type Method = "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "PATCH" | "DELETE";

async function refusalOf(
  { server }: TestCluster["controlPlane"],
  method: string,
  path: string,
): Promise<ApiError | undefined> {
  const stop = new AbortController();
  const filled = path
    .replace("{namespace}", "default")
    .replace("{name}", "absent")
    .replaceAll(/\{\w+\}/g, "part");
  const query = new URLSearchParams(method === "get" ? {} : { dryRun: "All" });
  const answer = await server.handle(
    { method: method.toUpperCase() as Method, path: filled, query, headers: {}, signal: stop.signal },
    { user: administrator },
  );
  stop.abort();
  if (answer.type !== "object" || answer.status < 400) return undefined;
  // An answer that is no success is a Status.
  return new ApiError(answer.object as ApiError["status"]);
}
