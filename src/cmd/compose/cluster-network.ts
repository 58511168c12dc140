/** The addresses and names that a cluster is built on. */
export interface ClusterNetwork {
  readonly serviceCidr: string;
  readonly clusterCidr: string;
  readonly clusterDomain: string;
  /** The address of kube-system/kube-dns. */
  readonly dnsAddress: string;
}

export const defaultNetwork: ClusterNetwork = {
  serviceCidr: "10.96.0.0/12",
  clusterCidr: "10.244.0.0/16",
  clusterDomain: "cluster.local",
  dnsAddress: "10.96.0.10",
};
