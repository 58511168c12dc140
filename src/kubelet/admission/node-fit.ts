import { matchesRequiredNodeAffinity } from "../../api/core/node-affinity.ts";
import { isSidecar } from "../../api/core/pod-conditions.ts";
import { podRequests } from "../../api/core/pod-resources.ts";
import type { ContainerPort, Node, Pod } from "../../api/core/types.generated.ts";
import { parseQuantity, quantityMilliValue, quantityValue } from "../../apimachinery/quantity.ts";

/** Why a node does not take a pod: `reason` and `message` are what the pod's status then says. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/**
 * Whether the node can take the pod beside those it has: upstream's general predicates as the kubelet checks them
 * (resources, affinity, ports). What the scheduler saw may have changed since, and a pod may name its node itself.
 */
export function nodeFit(pod: Pod, others: readonly Pod[], node: Node): Rejection | undefined {
  return (
    resourceShortage(pod, others, node) ??
    affinityMismatch(pod, node) ??
    portConflict(pod, others) ??
    undefined
  );
}

/** The first resource of which the node has not enough, counting what the other pods asked for. */
export function resourceShortage(pod: Pod, others: readonly Pod[], node: Node): Rejection | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const podLimit = quantityValue(allocatable.pods ?? "0");
  if (others.length + 1 > podLimit) return outOf("pods", 1, others.length, podLimit);
  const used = new Map<string, number>();
  for (const other of others) {
    for (const [name, amount] of Object.entries(amountsOf(other)))
      used.set(name, (used.get(name) ?? 0) + amount);
  }
  for (const [name, requested] of Object.entries(amountsOf(pod))) {
    const capacity = allocatable[name];
    // An extended resource that the node does not know is somebody else's matter (cluster-level, or by claims).
    if (requested === 0 || (capacity === undefined && !isNative(name))) continue;
    const total = measure(name, capacity ?? "0");
    const taken = used.get(name) ?? 0;
    if (requested > total - taken) return outOf(name, requested, taken, total);
  }
  return undefined;
}

/** A resource of which the pod alone asks for more than the node has: such a resize can never be. */
export function beyondCapacity(
  pod: Pod,
  node: Node,
): { readonly name: string; readonly requested: number; readonly capacity: number } | undefined {
  const requests = amountsOf(pod);
  for (const name of ["cpu", "memory"]) {
    const capacity = measure(name, node.status?.allocatable?.[name] ?? "0");
    const requested = requests[name] ?? 0;
    if (requested > capacity) return { name, requested, capacity };
  }
  return undefined;
}

function outOf(name: string, requested: number, used: number, capacity: number): Rejection {
  const message = `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${name}`, message };
}

/** CPU in millicores, everything else in whole units. */
function amountsOf(pod: Pod): Record<string, number> {
  return Object.fromEntries(
    Object.entries(podRequests(pod)).map(([name, amount]) => [
      name,
      name === "cpu" ? quantityMilliValue(amount) : quantityValue(amount),
    ]),
  );
}

function measure(name: string, amount: string): number {
  const quantity = parseQuantity(amount);
  return name === "cpu" ? quantityMilliValue(quantity) : quantityValue(quantity);
}

function isNative(name: string): boolean {
  return !name.includes("/");
}

function affinityMismatch(pod: Pod, node: Node): Rejection | undefined {
  if (matchesRequiredNodeAffinity(pod.spec, node)) return undefined;
  return predicateFailed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
}

function portConflict(pod: Pod, others: readonly Pod[]): Rejection | undefined {
  const taken = others.flatMap(hostPorts);
  const conflicts = hostPorts(pod).some((port) => taken.some((other) => samePort(port, other)));
  if (!conflicts) return undefined;
  return predicateFailed("NodePorts", "node(s) didn't have free ports for the requested pod ports");
}

function predicateFailed(name: string, why: string): Rejection {
  return { reason: name, message: `Predicate ${name} failed: ${why}` };
}

function hostPorts(pod: Pod): ContainerPort[] {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  return containers.flatMap(({ ports = [] }) => ports.filter(({ hostPort = 0 }) => hostPort > 0));
}

function samePort(a: ContainerPort, b: ContainerPort): boolean {
  if (a.hostPort !== b.hostPort || (a.protocol ?? "TCP") !== (b.protocol ?? "TCP")) return false;
  const everywhere = (ip: string | undefined) => ip === undefined || ip === "" || ip === "0.0.0.0";
  return everywhere(a.hostIP) || everywhere(b.hostIP) || a.hostIP === b.hostIP;
}
