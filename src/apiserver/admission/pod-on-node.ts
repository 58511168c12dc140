import { podRequests } from "../../api/core/pod-resources.ts";
import type { Binding, Node, Pod } from "../../api/core/types.generated.ts";
import { nodes } from "../../api/resources.generated.ts";
import { ApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { quantityMilliValue, quantityValue } from "../../apimachinery/quantity.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, getLive, isFor, refuse } from "./dependencies.ts";

/** The plugins that look at the node a pod is on: PodTopologyLabels and PodResizeValidator. */

type NodeLookup = (name: string) => Node | Promise<Node | undefined> | undefined;

function nodeLookup({ informers, client }: AdmissionDependencies): NodeLookup {
  const { lister } = informers.informer(nodes);
  return (name) => lister.get(name) ?? getLive(client, nodes, { name });
}

const topologyLabels = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/** A pod carries the zone and the region of its node as labels, from the moment it is bound (KEP-4742). */
export function podTopologyLabels(dependencies: AdmissionDependencies): AdmissionPlugin {
  const find = nodeLookup(dependencies);
  return {
    name: "PodTopologyLabels",
    handles: (operation) => operation === "CREATE",
    admit(attributes) {
      const { object } = attributes;
      const name = object === undefined ? "" : nodeOfWrite(attributes, object);
      if (object === undefined || name === "") return object;
      const node = find(name);
      return node instanceof Promise
        ? node.then((found) => withTopology(object, found))
        : withTopology(object, node);
    },
  };
}

/** Where a new pod says that it is, or where a binding puts one; "" for anything else. */
function nodeOfWrite(attributes: AdmissionAttributes, object: AnyObject): string {
  // The resource says that it is a pod.
  if (isFor(attributes, "", "pods")) return (object as AnyObject & Pod).spec.nodeName ?? "";
  const { resource, subresource } = attributes;
  if (resource.group !== "" || resource.resource !== "pods" || subresource !== "binding") return "";
  // The subresource says that it is a binding.
  const { kind, name } = (object as AnyObject & Partial<Binding>).target ?? {};
  return kind === "Node" ? (name ?? "") : "";
}

/** What stands there already gives way: the node knows better. */
function withTopology(object: AnyObject, node: Node | undefined): AnyObject {
  const known = Object.entries(node?.metadata.labels ?? {}).filter(([key]) => topologyLabels.includes(key));
  if (known.length === 0) return object;
  const labels = { ...object.metadata.labels, ...Object.fromEntries(known) };
  return { ...object, metadata: { ...object.metadata, labels } };
}

/** A pod is not resized beyond what its node has at all, and on Linux nodes only; the kubelet judges the rest (KEP-1287). */
export function podResizeValidator(dependencies: AdmissionDependencies): AdmissionPlugin {
  const find = nodeLookup(dependencies);
  return {
    name: "PodResizeValidator",
    handles: (operation) => operation === "UPDATE",
    async validate(attributes) {
      const { resource, subresource, object, oldObject } = attributes;
      if (resource.group !== "" || resource.resource !== "pods" || subresource !== "resize") return;
      // The resource says that it is a pod.
      const pod = object as (AnyObject & Pod) | undefined;
      const name = pod?.spec.nodeName ?? "";
      // The spec has not changed where the generation has not.
      if (pod === undefined || name === "" || pod.metadata.generation === oldObject?.metadata.generation)
        return;
      const node = await find(name);
      if (node === undefined) throw refuse(attributes, `node ${JSON.stringify(name)} not found`);
      const beyond = beyondNode(pod, node);
      if (beyond !== undefined) throw refusedFor("NodeCapacity", refuse(attributes, beyond));
      const system = node.metadata.labels?.["kubernetes.io/os"] ?? "";
      if (system !== "linux") {
        const why = `pod resize is only supported on linux nodes, node ${JSON.stringify(name)} is ${JSON.stringify(system)}`;
        throw refusedFor("UnsupportedPlatform", refuse(attributes, why));
      }
    },
  };
}

function beyondNode(pod: Pod, { status }: Node): string | undefined {
  const requests = podRequests(pod);
  const beyond = [
    { name: "cpu", amountOf: quantityMilliValue },
    { name: "memory", amountOf: quantityValue },
  ].flatMap(({ name, amountOf }) => {
    const requested = amountOf(requests[name] ?? "0");
    const allocatable = amountOf(status?.allocatable?.[name] ?? "0");
    return requested > allocatable ? [`${name}, requested: ${requested}, allocatable: ${allocatable}`] : [];
  });
  return beyond.length === 0
    ? undefined
    : `Node didn't have enough allocatable resources: ${beyond.join("; ")}`;
}

/** With the cause that autoscalers look for. */
function refusedFor(reason: string, { status }: ApiError): ApiError {
  const causes = [...(status.details?.causes ?? []), { reason }];
  return new ApiError({ ...status, details: { ...status.details, causes } });
}
