import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { systemClock } from "../../base/system-clock.ts";
import type { TokenBucketPolicy } from "../../base/token-bucket.ts";
import {
  type ContextOverrides,
  impersonationHeaders,
  type Kubeconfig,
  mergeKubeconfigs,
  readKubeconfig,
  resolveContext,
  withResolvedPaths,
} from "../kubeconfig.ts";
import { createClient, type RestClient } from "../rest-client.ts";
import { connectionOf } from "./connection.ts";
import { tokenFile } from "./credentials.ts";
import { createHttpsTransport, type HttpsTransportOptions } from "./https-transport.ts";

/** Where to, and as whom; absent: what kubectl would do here. */
export interface ConnectOptions extends ContextOverrides {
  /** A kubeconfig file; absent: $KUBECONFIG, else the pod's service account, else ~/.kube/config. */
  readonly kubeconfig?: string;
  /** Acts as another user, as kubectl's --as: instead of whom the kubeconfig says. */
  readonly impersonate?: Impersonation;
  /** A limit of this client's own on its requests; absent, as it should be: the server's priority and fairness decides. */
  readonly rateLimit?: TokenBucketPolicy;
  readonly userAgent?: string;
  /** Of lists and watches; "json" also shows fields that are newer than this library. */
  readonly encoding?: "protobuf" | "json";
  readonly onWarning?: (text: string) => void;
}

/** Whom to act as; the credentials must be allowed to. */
export interface Impersonation {
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A client with where it came from. */
export interface Connection {
  readonly client: RestClient;
  /** The context's, or that of the pod this runs in. */
  readonly namespace: string;
  /** What the transport was made from: for streams that need a connection of their own. */
  readonly transport: HttpsTransportOptions;
}

/**
 * A client for the cluster that kubectl would talk to here: over HTTP/2 where the server speaks it, unless the environment
 * sets DISABLE_HTTP2, as for client-go.
 */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const { impersonate, rateLimit, userAgent, encoding, onWarning } = options;
  const { transport: found, namespace } = await findConnection(options);
  const transport = impersonate === undefined ? found : { ...found, headers: headersFor(impersonate) };
  const client = createClient({
    transport: createHttpsTransport({ ...transport, http2: (process.env.DISABLE_HTTP2 ?? "") === "" }),
    clock: systemClock,
    host: new URL(transport.server).host,
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(encoding === undefined ? {} : { encoding }),
    ...(onWarning === undefined ? {} : { onWarning }),
  });
  return { client, namespace, transport };
}

function headersFor({ user, uid, groups = [], extra = {} }: Impersonation) {
  return impersonationHeaders({
    as: user,
    "as-groups": groups,
    "as-user-extra": extra,
    ...(uid === undefined ? {} : { "as-uid": uid }),
  });
}

async function findConnection(options: ConnectOptions): Promise<Omit<Connection, "client">> {
  const paths = kubeconfigPaths(options.kubeconfig);
  if (paths === undefined) {
    const inCluster = await inClusterConnection();
    if (inCluster !== undefined) return inCluster;
  }
  const resolved = resolveContext(await loadKubeconfig(paths ?? [defaultPath()]), options);
  return { transport: await connectionOf(resolved), namespace: resolved.namespace };
}

/** undefined: none was named, here or in the environment. */
function kubeconfigPaths(path: string | undefined): readonly string[] | undefined {
  if (path !== undefined) return [path];
  const named = (process.env.KUBECONFIG ?? "").split(delimiter).filter((part) => part !== "");
  return named.length === 0 ? undefined : named;
}

function defaultPath(): string {
  return join(homedir(), ".kube", "config");
}

/** Reads and merges kubeconfig files; of several, those that do not exist are left out, as kubectl does. */
export async function loadKubeconfig(paths: readonly string[]): Promise<Kubeconfig> {
  const configs: Kubeconfig[] = [];
  for (const path of paths) {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" && paths.length > 1) return undefined;
      throw new Error(`cannot read the kubeconfig ${path}: ${error.message}`, { cause: error });
    });
    if (text === undefined) continue;
    const { parse } = await import("yaml");
    const folder = dirname(resolve(path));
    configs.push(withResolvedPaths(readKubeconfig(parse(text), path), (file) => resolve(folder, file)));
  }
  return mergeKubeconfigs(configs);
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The API server as a pod sees it, with the pod's service account; undefined: this is not a pod. */
async function inClusterConnection(): Promise<Omit<Connection, "client"> | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (host === undefined || port === undefined) return undefined;
  const ca = await readFile(join(serviceAccountFolder, "ca.crt"), "utf8");
  const namespace = await readFile(join(serviceAccountFolder, "namespace"), "utf8").catch(() => "default");
  return {
    transport: {
      server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
      ca,
      proxyFromEnvironment: true,
      credentials: tokenFile(join(serviceAccountFolder, "token")),
    },
    namespace: namespace.trim(),
  };
}
