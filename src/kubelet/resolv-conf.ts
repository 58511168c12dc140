/** What a pod's /etc/resolv.conf holds (CRI's DNSConfig). */
export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** Limits of the resolver library, which upstream holds pods to as well. */
const maxServers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;

export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && words[0] !== undefined) servers.push(words[0]);
    else if (keyword === "search" || keyword === "domain")
      searches = words.map((word) => word.replace(/(?<=.)\.$/, ""));
    else if (keyword === "options") options = words;
  }
  return { servers, searches, options };
}

export interface PodDnsInput {
  readonly namespace: string;
  readonly policy: string;
  readonly hostNetwork: boolean;
  /** The pod's own `spec.dnsConfig`. */
  readonly podConfig?: {
    readonly nameservers?: readonly string[];
    readonly searches?: readonly string[];
    readonly options?: readonly { readonly name?: string; readonly value?: string }[];
  };
}

export interface NodeDns {
  readonly host: DnsConfig;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
}

/** Upstream's `dns.Configurer.GetPodDNS`: by policy, then the pod's own additions. */
export function podDnsConfig(pod: PodDnsInput, node: NodeDns): DnsConfig {
  const base = basePolicy(pod, node);
  const own = pod.podConfig ?? {};
  return {
    servers: unique([...base.servers, ...(own.nameservers ?? [])]).slice(0, maxServers),
    searches: limitSearches(unique([...base.searches, ...(own.searches ?? [])])),
    options: mergeOptions(
      base.options,
      (own.options ?? []).map(({ name = "", value }) => (value === undefined ? name : `${name}:${value}`)),
    ),
  };
}

function basePolicy(pod: PodDnsInput, node: NodeDns): DnsConfig {
  if (pod.policy === "None") return { servers: [], searches: [], options: [] };
  const wantsCluster =
    pod.policy === "ClusterFirstWithHostNet" || (pod.policy === "ClusterFirst" && !pod.hostNetwork);
  if (!wantsCluster || node.clusterDns.length === 0) return node.host;
  const { clusterDomain, host } = node;
  return {
    servers: node.clusterDns,
    searches: unique([
      `${pod.namespace}.svc.${clusterDomain}`,
      `svc.${clusterDomain}`,
      clusterDomain,
      ...host.searches,
    ]),
    options: ["ndots:5"],
  };
}

function mergeOptions(base: readonly string[], own: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const option of [...base, ...own]) byName.set(option.split(":")[0] ?? option, option);
  return [...byName.values()];
}

function limitSearches(searches: readonly string[]): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const search of searches.slice(0, maxSearches)) {
    length += search.length + (kept.length > 0 ? 1 : 0);
    if (length > maxSearchCharacters) break;
    kept.push(search);
  }
  return kept;
}

const unique = (values: readonly string[]) => [...new Set(values)];
