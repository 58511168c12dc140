import type { Pod } from "../api/core/types.generated.ts";
import { podCgroupPath, type QosClass } from "./cgroup-resources.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import type { Host } from "./host/host.ts";
import { containerNameOf, inspectPod, type RuntimePodStatus } from "./runtime-pod.ts";

/** The newest instance and the one before it. */
const keptInstances = 2;

export interface CleanupDependencies {
  readonly runtime: ContainerRuntime;
  readonly host: Host;
}

/** Keeps, of each container, the newest dead instance beside the newest: the one `logs --previous` shows. */
export async function removeDeadInstances(
  observed: RuntimePodStatus,
  { runtime, host }: CleanupDependencies,
): Promise<void> {
  const seen = new Map<string, number>();
  const kept = new Set<string>();
  for (const container of observed.containers) {
    const name = containerNameOf(container);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const isOver =
      container.state === "exited" ? count > keptInstances : container.state === "created" && count > 1;
    if (!isOver) kept.add(container.podSandboxId);
    else {
      await runtime.removeContainer(container.id);
      await removeLogs(container.logPath, host);
    }
  }
  const [, ...oldSandboxes] = observed.sandboxes;
  for (const { id, state } of oldSandboxes)
    if (state === "notReady" && !kept.has(id)) await runtime.removePodSandbox(id);
}

/** Removes everything that the runtime and the machine hold of a pod whose containers have stopped. */
export async function removePod(
  pod: Pod,
  place: { readonly cgroupRoot: string; readonly qosClass: QosClass; readonly logDirectory: string },
  { runtime, host }: CleanupDependencies,
): Promise<void> {
  const uid = pod.metadata.uid ?? "";
  const observed = await inspectPod(runtime, uid);
  for (const { id } of observed.sandboxes) await runtime.removePodSandbox(id);
  for (const { id, podSandboxId } of observed.containers) {
    if (!observed.sandboxes.some((sandbox) => sandbox.id === podSandboxId)) await runtime.removeContainer(id);
  }
  await host.cgroups.remove(podCgroupPath(place.cgroupRoot, place.qosClass, uid));
  await host.files.removeTree(place.logDirectory);
}

/** A container's log, and those rotated away from it. */
async function removeLogs(logPath: string, { files }: Host): Promise<void> {
  const slash = logPath.lastIndexOf("/");
  if (slash < 0) return;
  const [directory, name] = [logPath.slice(0, slash), logPath.slice(slash + 1)];
  for (const entry of await files.listDirectory(directory))
    if (entry === name || entry.startsWith(`${name}.`)) await files.removeTree(`${directory}/${entry}`);
}
