/** What a node's pod network is made from. */
export interface PodNetwork {
  readonly podCidr: string;
  /** The bridge that the node's pods hang on. */
  readonly bridge: string;
  readonly mtu: number;
  /** Where host-local keeps the addresses it gave out. */
  readonly dataDirectory: string;
}

/** The CNI configuration list that the container runtime reads: a bridge, addresses from the pod CIDR, host ports. */
export function cniConfig({ podCidr, bridge, mtu, dataDirectory }: PodNetwork): object {
  return {
    cniVersion: "0.4.0",
    name: "k8ts",
    plugins: [
      {
        type: "bridge",
        bridge,
        isDefaultGateway: true,
        hairpinMode: true,
        mtu,
        ipam: { type: "host-local", dataDir: dataDirectory, ranges: [[{ subnet: podCidr }]] },
      },
      { type: "portmap", capabilities: { portMappings: true }, snat: true },
    ],
  };
}
