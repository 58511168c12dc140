import { badRequest, internalError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { Backend } from "./backend.ts";

export type NodeAddressType = "Hostname" | "InternalDNS" | "InternalIP" | "ExternalDNS" | "ExternalIP";

const defaultKubeletPort = 10250;
const defaultAddressTypes: readonly NodeAddressType[] = [
  "InternalIP",
  "ExternalIP",
  "InternalDNS",
  "Hostname",
];

interface NodeStatus {
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port?: number } };
}

/** Where a node's kubelet listens, as its status says. Throws 400 and 404. */
export async function kubeletOf(
  nodes: ResourceStore | undefined,
  name: string,
  addressTypes: readonly NodeAddressType[] = defaultAddressTypes,
): Promise<Backend> {
  if (nodes === undefined) throw internalError("nodes are not served here");
  return kubeletBackend(await nodes.get({ namespace: "", name }), addressTypes);
}

function kubeletBackend(node: AnyObject, addressTypes: readonly NodeAddressType[]): Backend {
  const status = (node.status ?? {}) as NodeStatus; // a Node as the registry keeps it
  const host = addressTypes
    .map((type) => status.addresses?.find((address) => address.type === type)?.address)
    .find((address) => address !== undefined && address !== "");
  if (host === undefined)
    throw badRequest(
      `no preferred addresses found; known addresses: [${(status.addresses ?? []).map(({ address }) => address).join(" ")}]`,
    );
  const reported = status.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
  return { scheme: "https", host, port: reported > 0 ? reported : defaultKubeletPort, identity: "kubelet" };
}
