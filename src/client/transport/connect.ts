import { access, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { checkNames, type OptionNames } from "../../base/option-names.ts";
import { systemClock } from "../../base/system-clock.ts";
import type { TokenBucketPolicy } from "../../base/token-bucket.ts";
import {
  type ContextOverrides,
  impersonationHeaders,
  type Kubeconfig,
  mergeKubeconfigs,
  readKubeconfig,
  resolveContext,
  withOrigin,
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

const connectOptionNames: OptionNames<ConnectOptions> = {
  kubeconfig: true,
  context: true,
  namespace: true,
  cluster: true,
  user: true,
  impersonate: true,
  rateLimit: true,
  userAgent: true,
  encoding: true,
  onWarning: true,
};

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
  checkNames("connect", options, connectOptionNames);
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
  const resolved = resolveContext(await loadKubeconfig(paths ?? [await defaultPath()]), options);
  return { transport: await connectionOf(resolved), namespace: resolved.namespace };
}

/** undefined: none was named, here or in the environment. */
function kubeconfigPaths(path: string | undefined): readonly string[] | undefined {
  if (path !== undefined) return [path];
  const named = (process.env.KUBECONFIG ?? "").split(delimiter).filter((part) => part !== "");
  return named.length === 0 ? undefined : named;
}

async function defaultPath(): Promise<string> {
  const path = join(homedir(), ".kube", "config");
  await access(path).catch((error: Error) => {
    throw new Error(
      `no cluster is configured: KUBECONFIG is not set, this is not a pod, and there is no ${path}`,
      { cause: error },
    );
  });
  return path;
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
    const document = parsed(() => parse(text), path);
    const config = withOrigin(readKubeconfig(document, path), resolve(path));
    configs.push(withResolvedPaths(config, (file) => resolve(folder, file)));
  }
  if (configs.length === 0) throw new Error(`none of the kubeconfig files exists: ${paths.join(", ")}`);
  return mergeKubeconfigs(configs);
}

const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The API server as a pod sees it, with the pod's service account, whose files are followed; undefined: this is not a pod. */
export async function inClusterConnection(
  environment: NodeJS.ProcessEnv = process.env,
  folder = serviceAccountFolder,
): Promise<Omit<Connection, "client"> | undefined> {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "" } = environment;
  if (host === "" || port === "") return undefined;
  const token = join(folder, "token");
  await access(token).catch((error: Error) => {
    throw new Error(
      `this is a pod, but it has no ${token}: is automountServiceAccountToken false? (or set KUBECONFIG)`,
      { cause: error },
    );
  });
  const caFile = join(folder, "ca.crt");
  const hasCa = await access(caFile).then(
    () => true,
    () => false,
  );
  const namespace =
    environment.POD_NAMESPACE || (await readFile(join(folder, "namespace"), "utf8").catch(() => "")).trim();
  return {
    transport: {
      server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
      ...(hasCa ? { caFile } : {}),
      proxyFromEnvironment: true,
      credentials: tokenFile(token),
    },
    namespace: namespace || "default",
  };
}

function parsed(parse: () => unknown, path: string): unknown {
  try {
    return parse();
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
