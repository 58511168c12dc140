import type { Container, Pod } from "../../api/core/types.generated.ts";
import { quantityValue } from "../../apimachinery/quantity.ts";
import { podCgroupPath, type QosClass } from "../cgroup-resources.ts";
import type { ContainerRuntime } from "../cri/runtime.ts";
import type { CgroupLimits, Host } from "../host/host.ts";
import { containerResources, type NodeAmounts, podCgroupLimits } from "../resource-amounts.ts";
import { containerNameOf, type RuntimeContainer, type RuntimePodStatus } from "../runtime-pod.ts";
import { type Allocations, resizeOf } from "./allocations.ts";

export interface ActuateDependencies {
  readonly runtime: ContainerRuntime;
  readonly host: Host;
  readonly allocations: Allocations;
  readonly cgroupRoot: string;
  readonly amounts: NodeAmounts;
}

/** A resize that cannot be carried out as things are. */
class ResizeError extends Error {}

/**
 * Gives running containers the resources granted to the pod, without a restart. The pod's own group is never smaller than
 * what its containers have: it grows before them and shrinks after them. Resolves to whether anything was changed.
 */
export async function resizeInPlace(
  pod: Pod,
  runtimeStatus: RuntimePodStatus,
  qosClass: QosClass,
  dependencies: ActuateDependencies,
): Promise<boolean> {
  const { runtime, host, allocations, cgroupRoot, amounts } = dependencies;
  const changes = changesOf(pod, runtimeStatus, allocations);
  if (changes.length === 0) return false;
  for (const change of changes) await refuseBelowUsage(change, allocations, pod, runtime);
  const group = podCgroupPath(cgroupRoot, qosClass, pod.metadata.uid ?? "");
  const wanted = podCgroupLimits(pod);
  await host.cgroups.ensure(
    group,
    larger(wanted, podCgroupLimits(actuatedPod(pod, runtimeStatus, allocations))),
  );
  for (const { container, instance } of changes) {
    await runtime.updateContainerResources(
      instance.id,
      containerResources(pod, container, qosClass, amounts),
    );
    allocations.setActuated(pod, instance.id, container.resources);
  }
  await host.cgroups.ensure(group, wanted);
  return true;
}

interface Change {
  readonly container: Container;
  readonly instance: RuntimeContainer;
}

function changesOf(pod: Pod, { containers }: RuntimePodStatus, allocations: Allocations): Change[] {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return containers.flatMap((instance) => {
    const name = containerNameOf(instance);
    const container = all.find((candidate) => candidate.name === name);
    if (container === undefined || instance.state !== "running") return [];
    const kind = resizeOf(container, allocations.actuated(pod, name, instance.id));
    return kind === "inPlace" ? [{ container, instance }] : [];
  });
}

/** The kernel kills in a group whose limit falls below its use: rather wait. */
async function refuseBelowUsage(
  { container, instance }: Change,
  allocations: Allocations,
  pod: Pod,
  runtime: ContainerRuntime,
): Promise<void> {
  const limit = container.resources?.limits?.memory;
  const before = allocations.actuated(pod, container.name, instance.id)?.limits?.memory;
  if (limit === undefined || (before !== undefined && quantityValue(limit) >= quantityValue(before))) return;
  const { memory } = await runtime.containerStats(instance.id);
  const used = memory?.usageBytes ?? 0;
  const limitBytes = quantityValue(limit);
  if (used > limitBytes) {
    const what = `attempting to set container "${container.name}" memory limit (${limitBytes})`;
    throw new ResizeError(`${what} below current usage (${used})`);
  }
}

function actuatedPod(pod: Pod, { containers: instances }: RuntimePodStatus, allocations: Allocations): Pod {
  const containers = pod.spec.containers.map((container) => {
    const instance = instances.find(
      (candidate) => candidate.state === "running" && containerNameOf(candidate) === container.name,
    );
    const actuated =
      instance === undefined ? undefined : allocations.actuated(pod, container.name, instance.id);
    return actuated === undefined ? container : { ...container, resources: actuated };
  });
  return { ...pod, spec: { ...pod.spec, containers } };
}

/** Of each limit the larger; one that only one side sets is none. */
function larger(a: CgroupLimits, b: CgroupLimits): CgroupLimits {
  const most = (name: keyof CgroupLimits) => {
    const [left, right] = [a[name], b[name]];
    return left === undefined || right === undefined ? undefined : Math.max(left, right);
  };
  const limits: Partial<Record<keyof CgroupLimits, number>> = {};
  for (const name of ["cpuShares", "cpuQuotaUs", "cpuPeriodUs", "memoryBytes"] as const) {
    const limit = most(name);
    if (limit !== undefined) limits[name] = limit;
  }
  return limits;
}
