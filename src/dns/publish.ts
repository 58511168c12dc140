import type { Service } from "../api/core/types.generated.ts";
import type { EndpointSlice } from "../api/discovery/types.generated.ts";
import { endpointSlices, services } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import type { Client } from "../client/client.ts";

const namespace = "kube-system";
const name = "kube-dns";

/** Puts the DNS server behind the service `kube-system/kube-dns`, at the address that pods' resolv.conf names. */
export async function publishDnsService(
  client: Client,
  where: { readonly clusterIp: string; readonly address: string; readonly port: number },
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const labels = {
    "k8s-app": "kube-dns",
    "kubernetes.io/cluster-service": "true",
    "kubernetes.io/name": "CoreDNS",
  };
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels },
    spec: {
      clusterIP: where.clusterIp,
      ports: [
        { name: "dns", port: 53, protocol: "UDP", targetPort: where.port },
        { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: where.port },
      ],
    },
  };
  const slice: EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-node`,
      namespace,
      labels: { "kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "k8ts-dns" },
    },
    addressType: "IPv4",
    endpoints: [
      { addresses: [where.address], conditions: { ready: true, serving: true, terminating: false } },
    ],
    ports: [
      { name: "dns", port: where.port, protocol: "UDP" },
      { name: "dns-tcp", port: where.port, protocol: "TCP" },
    ],
  };
  await createOrReplace(client, services, service, options, (old) => ({
    ...old,
    spec: { ...old.spec, ...service.spec },
  }));
  await createOrReplace(client, endpointSlices, slice, options, (old) => ({
    ...old,
    endpoints: slice.endpoints ?? [],
    ports: slice.ports ?? [],
  }));
}

async function createOrReplace<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  object: T,
  options: { readonly signal: AbortSignal },
  change: (old: T) => T,
): Promise<void> {
  try {
    await client.create(type, object, options);
  } catch (error) {
    if (!isApiError(error, "AlreadyExists")) throw error;
    const { name: objectName = "" } = object.metadata;
    const old = await client.get(type, { namespace, name: objectName }, options);
    await client.update(type, change(old), options);
  }
}
