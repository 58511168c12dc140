/**
 * The packet rules of a node beside those of its services: pods leave the cluster with the node's address, and a node
 * port answers on localhost too.
 */
export function nodeRules(input: {
  readonly podCidr: string;
  readonly clusterCidr: string;
  readonly bridge: string;
  /** By which the other nodes are reached. */
  readonly uplink: string;
}): string {
  const { podCidr, clusterCidr, bridge, uplink } = input;
  const table = "ip k8ts-network";
  return `table ${table}
delete table ${table}
table ${table} {
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifname { "${bridge}", "${uplink}" } ip daddr 127.0.0.0/8 drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat + 1; policy accept;
    ip saddr ${podCidr} ip daddr != ${clusterCidr} oifname != "${bridge}" masquerade
    ip saddr 127.0.0.0/8 oifname { "${bridge}", "${uplink}" } masquerade
  }
}
`;
}
