import type { Pod } from "../api/core/types.generated.ts";

/** The text of a pod's /etc/hosts: its own addresses and the aliases of its spec. */
export function hostsFile(
  pod: Pod,
  podIps: readonly string[],
  hostname: string,
  clusterDomain: string,
): string {
  const lines = [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
  ];
  const { subdomain } = pod.spec;
  const fqdn =
    subdomain === undefined || subdomain === ""
      ? undefined
      : `${hostname}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}`;
  for (const ip of podIps) lines.push(`${ip}\t${fqdn === undefined ? hostname : `${fqdn}\t${hostname}`}`);
  return `${lines.join("\n")}\n${aliases(pod)}`;
}

/** A host-network pod sees its node's file, with its own aliases after it. */
export function hostNetworkHostsFile(pod: Pod, nodeHosts: string): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliases(pod)}`;
}

function aliases(pod: Pod): string {
  const entries = pod.spec.hostAliases ?? [];
  if (entries.length === 0) return "";
  const lines = entries.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}`);
  return `\n# Entries added by HostAliases.\n${lines.join("\n")}\n`;
}

const maxHostnameLength = 63;

/** What `hostname` prints inside the pod. */
export function podHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, hostnameOverride, setHostnameAsFQDN, subdomain } = pod.spec;
  if (hostnameOverride !== undefined) return hostnameOverride;
  const short = (hostname !== undefined && hostname !== "" ? hostname : (pod.metadata.name ?? ""))
    .slice(0, maxHostnameLength)
    .replace(/[-.]+$/, "");
  if (setHostnameAsFQDN !== true || subdomain === undefined || subdomain === "") return short;
  return `${short}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}`;
}
