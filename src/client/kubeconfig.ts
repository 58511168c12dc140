/** kubeconfig files: their form, how several are merged, and what a context of one comes down to. Pure: no file is read. */

export interface Kubeconfig {
  readonly clusters: Readonly<Record<string, KubeconfigCluster>>;
  readonly users: Readonly<Record<string, KubeconfigUser>>;
  readonly contexts: Readonly<Record<string, KubeconfigContext>>;
  readonly currentContext: string;
}

export interface KubeconfigCluster {
  readonly server?: string;
  readonly "tls-server-name"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "certificate-authority"?: string;
  /** Base64 of PEM. */
  readonly "certificate-authority-data"?: string;
  readonly "proxy-url"?: string;
  readonly "disable-compression"?: boolean;
  readonly extensions?: readonly { readonly name: string; readonly extension: unknown }[];
}

export interface KubeconfigUser {
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly as?: string;
  readonly "as-uid"?: string;
  readonly "as-groups"?: readonly string[];
  readonly "as-user-extra"?: Readonly<Record<string, readonly string[]>>;
  readonly username?: string;
  readonly password?: string;
  readonly "auth-provider"?: AuthProviderConfig;
  /** Where this was read: what a provider renews is saved there. Not part of the file. */
  readonly origin?: UserOrigin;
  readonly exec?: ExecConfig;
}

/** A kubeconfig file, and the name it has for a user. */
export interface UserOrigin {
  readonly file: string;
  readonly user: string;
}

export interface AuthProviderConfig {
  readonly name: string;
  readonly config?: Readonly<Record<string, string>>;
}

/** A program that prints an ExecCredential. */
export interface ExecConfig {
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly apiVersion: string;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
  readonly interactiveMode?: "Never" | "IfAvailable" | "Always";
}

export interface KubeconfigContext {
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

/** A context with everything it names. */
export interface ResolvedContext {
  readonly cluster: KubeconfigCluster & { readonly server: string };
  readonly user: KubeconfigUser;
  /** "default" where the context names none. */
  readonly namespace: string;
}

export interface ContextOverrides {
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

/** The names of a cluster's and a user's fields that hold paths. */
const clusterPaths = ["certificate-authority"] as const;
const userPaths = ["client-certificate", "client-key", "tokenFile"] as const;

/** Takes a parsed kubeconfig document apart. Throws an Error that says what is wrong with `source`. */
export function readKubeconfig(document: unknown, source: string): Kubeconfig {
  if (document === null || document === undefined) return emptyKubeconfig;
  if (!isRecord(document)) throw new Error(`${source}: not a kubeconfig: a mapping is expected`);
  const currentContext = document["current-context"] ?? "";
  if (typeof currentContext !== "string") throw new Error(`${source}: current-context must be a string`);
  return {
    clusters: readNamed(document, "clusters", "cluster", source),
    users: readNamed(document, "users", "user", source),
    contexts: readNamed(document, "contexts", "context", source),
    currentContext,
  };
}

const emptyKubeconfig: Kubeconfig = { clusters: {}, users: {}, contexts: {}, currentContext: "" };

/** As kubectl merges the files of $KUBECONFIG: whoever names something first wins. */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const reversed = configs.toReversed();
  return {
    clusters: Object.assign({}, ...reversed.map(({ clusters }) => clusters)),
    users: Object.assign({}, ...reversed.map(({ users }) => users)),
    contexts: Object.assign({}, ...reversed.map(({ contexts }) => contexts)),
    currentContext: configs.find(({ currentContext }) => currentContext !== "")?.currentContext ?? "",
  };
}

/** The same with every path to a file passed through `resolve`: they are relative to the kubeconfig's own folder. */
export function withResolvedPaths(config: Kubeconfig, resolve: (path: string) => string): Kubeconfig {
  return {
    ...config,
    clusters: mapValues(config.clusters, (cluster) => mapFields(cluster, clusterPaths, resolve)),
    users: mapValues(config.users, (user) => {
      const { exec } = user;
      const plain = mapFields(user, userPaths, resolve);
      // A bare command is looked up in PATH; one with a slash is a path.
      if (exec === undefined || !/[/\\]/.test(exec.command)) return plain;
      return { ...plain, exec: { ...exec, command: resolve(exec.command) } };
    }),
  };
}

/** The same, each user knowing that it comes from this file (client-go's LocationOfOrigin). */
export function withOrigin(config: Kubeconfig, file: string): Kubeconfig {
  const known = ([name, user]: [string, KubeconfigUser]) => [name, { ...user, origin: { file, user: name } }];
  return { ...config, users: Object.fromEntries(Object.entries(config.users).map(known)) };
}

/** What a context comes down to. Throws an Error that names what is missing. */
export function resolveContext(config: Kubeconfig, overrides: ContextOverrides = {}): ResolvedContext {
  const contextName = overrides.context ?? config.currentContext;
  const context = config.contexts[contextName];
  if (context === undefined && (overrides.context !== undefined || overrides.cluster === undefined)) {
    const what =
      contextName === "" ? "no current-context is set" : `there is no context ${quote(contextName)}`;
    throw new Error(`kubeconfig: ${what}; contexts: ${listOf(config.contexts)}`);
  }
  const clusterName = overrides.cluster ?? context?.cluster ?? "";
  const cluster = config.clusters[clusterName];
  if (cluster === undefined)
    throw new Error(
      `kubeconfig: there is no cluster ${quote(clusterName)}; clusters: ${listOf(config.clusters)}`,
    );
  const { server } = cluster;
  if (server === undefined || server === "")
    throw new Error(`kubeconfig: cluster ${quote(clusterName)} names no server`);
  const userName = overrides.user ?? context?.user ?? "";
  const user = userName === "" ? {} : config.users[userName];
  if (user === undefined)
    throw new Error(`kubeconfig: there is no user ${quote(userName)}; users: ${listOf(config.users)}`);
  return {
    cluster: { ...cluster, server },
    user,
    namespace: overrides.namespace || context?.namespace || "default",
  };
}

/** The headers by which a user acts as another one. */
export function impersonationHeaders(user: KubeconfigUser): Record<string, string | readonly string[]> {
  const { as, "as-uid": uid, "as-groups": groups = [], "as-user-extra": extra = {} } = user;
  if (as === undefined || as === "") {
    if (uid === undefined && groups.length === 0 && Object.keys(extra).length === 0) return {};
    throw new Error("kubeconfig: as-uid, as-groups and as-user-extra need a user to act as (as)");
  }
  const headers: Record<string, string | readonly string[]> = { "impersonate-user": as };
  if (uid !== undefined && uid !== "") headers["impersonate-uid"] = uid;
  if (groups.length > 0) headers["impersonate-group"] = groups;
  for (const [key, values] of Object.entries(extra)) headers[`impersonate-extra-${headerPart(key)}`] = values;
  return headers;
}

/** What no header's name may hold, percent-encoded; encodeURIComponent leaves parentheses as they are. */
function headerPart(key: string): string {
  return encodeURIComponent(key).replaceAll("(", "%28").replaceAll(")", "%29").toLowerCase();
}

function readNamed<T>(
  document: Record<string, unknown>,
  listName: string,
  fieldName: string,
  source: string,
): Record<string, T> {
  const list = document[listName] ?? [];
  if (!Array.isArray(list)) throw new Error(`${source}: ${listName} must be a list`);
  const named: Record<string, T> = {};
  for (const entry of list as unknown[]) {
    if (!isRecord(entry) || typeof entry.name !== "string")
      throw new Error(`${source}: every entry of ${listName} needs a name`);
    const value = entry[fieldName] ?? {};
    if (!isRecord(value))
      throw new Error(`${source}: ${listName} ${quote(entry.name)}: ${fieldName} must be a mapping`);
    if (Object.hasOwn(named, entry.name))
      throw new Error(`${source}: ${listName} has two entries named ${quote(entry.name)}`);
    named[entry.name] = value as T; // its fields are checked where they are used
  }
  return named;
}

function mapFields<T extends object>(
  record: T,
  fields: readonly (keyof T)[],
  map: (text: string) => string,
): T {
  const changed = { ...record };
  for (const field of fields) {
    const value = record[field];
    // These fields are strings in every T this is called with.
    if (typeof value === "string" && value !== "") changed[field] = map(value) as T[keyof T];
  }
  return changed;
}

function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function quote(name: string): string {
  return JSON.stringify(name);
}

function listOf(named: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(named);
  return names.length === 0 ? "none" : names.join(", ");
}
