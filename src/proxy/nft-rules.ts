import type { Endpoint, ServicePort } from "./service-ports.ts";

/** What the rules need to know of the node beside the services. */
export interface RuleOptions {
  readonly family: "ip" | "ip6";
  /** Traffic from elsewhere to a cluster address is masqueraded, so that the answer comes back this way. */
  readonly clusterCidr: string;
}

/** The table's name is upstream's: whoever looks for a service's rules finds them. */
export const tableName = "kube-proxy";

/** Marks packets that must leave with the node's own address. */
const masqueradeMark = "0x4000";

/** One service port's chains, sets and map elements; `hash` tells whether they changed. */
export interface ServiceRules {
  readonly key: string;
  /** Chains with their rules, in the order they must be made: a chain before those that go to it. */
  readonly chains: readonly { readonly name: string; readonly rules: readonly string[] }[];
  readonly sets: readonly { readonly name: string; readonly definition: string }[];
  readonly elements: readonly { readonly map: string; readonly key: string; readonly value: string }[];
  /** Several ports may share one. */
  readonly clusterIps: readonly string[];
}

/** The frame that every service hangs in: hooks, maps, masquerading, refusal. */
export function baseRules({ family }: RuleOptions): string {
  const address = family === "ip" ? "ipv4_addr" : "ipv6_addr";
  const local = `fib daddr type local`;
  return `table ${family} ${tableName} {
  map service-ips { type ${address} . inet_proto . inet_service : verdict; }
  map service-nodeports { type inet_proto . inet_service : verdict; }
  map no-endpoint-services { type ${address} . inet_proto . inet_service : verdict; }
  map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
  set cluster-ips { type ${address}; }
  chain mark-for-masquerade { meta mark set meta mark or ${masqueradeMark}; }
  chain reject-chain { reject; }
  chain services {
    ${family} daddr . meta l4proto . th dport vmap @service-ips
    ${local} meta l4proto . th dport vmap @service-nodeports
  }
  chain refusals {
    ${family} daddr . meta l4proto . th dport vmap @no-endpoint-services
    ${local} meta l4proto . th dport vmap @no-endpoint-nodeports
    # What was for a service went on to an endpoint: this is for a port that the service does not have.
    ${family} daddr @cluster-ips reject
  }
  chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
  chain nat-output { type nat hook output priority -100; policy accept; jump services; }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark and ${masqueradeMark} != 0 meta mark set meta mark xor ${masqueradeMark} masquerade fully-random
  }
  chain filter-input { type filter hook input priority filter; policy accept; ct state new jump refusals; }
  chain filter-forward { type filter hook forward priority filter; policy accept; ct state new jump refusals; }
  chain filter-output { type filter hook output priority filter; policy accept; ct state new jump refusals; }
}
`;
}

/** What one service port adds to the frame. */
export function serviceRules(port: ServicePort, options: RuleOptions): ServiceRules {
  const { protocol, clusterIps, externalIps, nodePort, key } = port;
  const id = `${shortHash(key + protocol)}-${key.replace(/[^a-zA-Z0-9-]/g, "-").slice(0, 60)}-${protocol}`;
  const chains: { name: string; rules: string[] }[] = [];
  const sets: { name: string; definition: string }[] = [];
  const elements: { map: string; key: string; value: string }[] = [];
  const { internalEndpoints, externalEndpoints } = port;
  const all = new Map(
    [...internalEndpoints, ...externalEndpoints].map((endpoint) => [endpointName(endpoint), endpoint]),
  );
  for (const [name, endpoint] of all) {
    chains.push({
      name: `endpoint-${id}-${name}`,
      rules: endpointRules(port, endpoint, `affinity-${id}-${name}`, options),
    });
    if (port.affinitySeconds > 0)
      sets.push(affinitySet(`affinity-${id}-${name}`, port.affinitySeconds, options));
  }
  const refuse = (map: string, elementKey: string) =>
    elements.push({ map, key: elementKey, value: "goto reject-chain" });

  if (internalEndpoints.length > 0) {
    const fromOutside = `${options.family} saddr != ${options.clusterCidr} jump mark-for-masquerade`;
    chains.push({
      name: `service-${id}`,
      rules: [fromOutside, ...balance(id, port, internalEndpoints, options)],
    });
  }
  for (const ip of clusterIps) {
    const element = `${ip} . ${protocol} . ${port.port}`;
    if (internalEndpoints.length > 0)
      elements.push({ map: "service-ips", key: element, value: `goto service-${id}` });
    else refuse("no-endpoint-services", element);
  }
  if (nodePort === 0 && externalIps.length === 0) return { key, chains, sets, elements, clusterIps };
  if (externalEndpoints.length > 0)
    chains.push({ name: `external-${id}`, rules: externalRules(id, port, options) });
  for (const ip of externalIps) {
    const element = `${ip} . ${protocol} . ${port.port}`;
    if (externalEndpoints.length > 0)
      elements.push({ map: "service-ips", key: element, value: `goto external-${id}` });
    else refuse("no-endpoint-services", element);
  }
  if (nodePort !== 0) {
    const element = `${protocol} . ${nodePort}`;
    if (externalEndpoints.length > 0)
      elements.push({ map: "service-nodeports", key: element, value: `goto external-${id}` });
    else refuse("no-endpoint-nodeports", element);
  }
  return { key, chains, sets, elements, clusterIps };
}

/** Outside traffic: source ranges, then straight to an endpoint; without the Local policy it is masqueraded. */
function externalRules(id: string, port: ServicePort, options: RuleOptions): string[] {
  const ranges = port.loadBalancerSourceRanges.filter(
    (range) => range.includes(":") === (options.family === "ip6"),
  );
  return [
    ...(ranges.length > 0 && port.externalIps.length > 0
      ? [
          `${options.family} daddr { ${port.externalIps.join(", ")} } ${options.family} saddr != { ${ranges.join(", ")} } drop`,
        ]
      : []),
    ...(port.externalLocal ? [] : ["jump mark-for-masquerade"]),
    ...balance(id, port, port.externalEndpoints, options),
  ];
}

/** Clients with affinity go where they went; the others are spread at random. */
function balance(
  id: string,
  port: ServicePort,
  endpoints: readonly Endpoint[],
  { family }: RuleOptions,
): string[] {
  const names = endpoints.map((endpoint) => `${id}-${endpointName(endpoint)}`);
  const sticky =
    port.affinitySeconds > 0
      ? names.map((name) => `${family} saddr @affinity-${name} goto endpoint-${name}`)
      : [];
  const targets = names.map((name, index) => `${index} : goto endpoint-${name}`);
  return [...sticky, `numgen random mod ${names.length} vmap { ${targets.join(", ")} }`];
}

function endpointRules(
  port: ServicePort,
  { ip, port: target }: Endpoint,
  affinity: string,
  { family }: RuleOptions,
): string[] {
  const address = family === "ip" ? `${ip}:${target}` : `[${ip}]:${target}`;
  return [
    // A pod that reaches itself through its service must see the node's address, or it answers itself directly.
    `${family} saddr ${ip} jump mark-for-masquerade`,
    ...(port.affinitySeconds > 0 ? [`update @${affinity} { ${family} saddr }`] : []),
    `meta l4proto ${port.protocol} dnat to ${address}`,
  ];
}

function affinitySet(name: string, seconds: number, { family }: RuleOptions) {
  const type = family === "ip" ? "ipv4_addr" : "ipv6_addr";
  return { name, definition: `{ type ${type}; flags dynamic,timeout; timeout ${seconds}s; }` };
}

function endpointName({ ip, port }: Endpoint): string {
  return `${ip.replace(/[^0-9a-fA-F]/g, "-")}-${port}`;
}

/** Chain names are cut to the kernel's limit: the hash keeps them apart. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return hash.toString(36).padStart(7, "0");
}
