import { canonicalJson } from "../../api/core/template-hash.ts";
import type { Container, Pod, ResourceRequirements } from "../../api/core/types.generated.ts";
import { canonicalQuantity } from "../../apimachinery/quantity.ts";

/** cpu and memory of one container: what can change while it runs. */
export type ContainerResources = Pick<ResourceRequirements, "requests" | "limits">;

/**
 * What the node has granted to each pod (KEP-1287): at first what its spec asks for, later what a resize was granted. The
 * pod's status in the API is the checkpoint: a new kubelet takes from it what was granted and done.
 */
export class Allocations {
  readonly #allocated = new Map<string, ReadonlyMap<string, ContainerResources>>();
  /** What is in force for each container, by its id. */
  readonly #actuated = new Map<string, Map<string, ContainerResources>>();

  /** The pod with the resources granted to it in place of those it asks for. */
  allocatedPod(pod: Pod): Pod {
    const granted = this.#of(pod);
    const patched = (container: Container): Container => {
      const own = granted.get(container.name);
      if (own === undefined || sameResources(own, container.resources)) return container;
      return { ...container, resources: { ...container.resources, ...own } };
    };
    const containers = pod.spec.containers.map(patched);
    const initContainers = pod.spec.initContainers?.map(patched);
    const unchanged =
      containers.every((container, index) => container === pod.spec.containers[index]) &&
      (initContainers ?? []).every((container, index) => container === pod.spec.initContainers?.[index]);
    if (unchanged) return pod;
    return {
      ...pod,
      spec: { ...pod.spec, containers, ...(initContainers === undefined ? {} : { initContainers }) },
    };
  }

  /** Whether the pod asks for other resources than it was granted. */
  isResizePending(pod: Pod): boolean {
    return this.allocatedPod(pod) !== pod;
  }

  /** Grants the pod what its spec asks for. */
  grant(pod: Pod): void {
    this.#allocated.set(pod.metadata.uid ?? "", resourcesOf(pod));
  }

  /** What is in force for a running container; undefined: this kubelet does not know. */
  actuated(pod: Pod, containerName: string, containerId: string): ContainerResources | undefined {
    const known = this.#actuated.get(pod.metadata.uid ?? "")?.get(containerId);
    if (known !== undefined) return known;
    const status = statusOf(pod, containerName);
    return status?.containerID?.endsWith(`://${containerId}`) === true ? status.resources : undefined;
  }

  /** The container runs with these resources now. */
  setActuated(pod: Pod, containerId: string, resources: ContainerResources | undefined): void {
    const uid = pod.metadata.uid ?? "";
    const byId = this.#actuated.get(uid) ?? new Map<string, ContainerResources>();
    byId.set(containerId, pickResources(resources));
    this.#actuated.set(uid, byId);
  }

  /** Forgets containers that are gone. */
  keepActuated(podUid: string, containerIds: ReadonlySet<string>): void {
    const byId = this.#actuated.get(podUid);
    for (const id of byId?.keys() ?? []) if (!containerIds.has(id)) byId?.delete(id);
  }

  forget(podUid: string): void {
    this.#allocated.delete(podUid);
    this.#actuated.delete(podUid);
  }

  #of(pod: Pod): ReadonlyMap<string, ContainerResources> {
    const uid = pod.metadata.uid ?? "";
    let granted = this.#allocated.get(uid);
    if (granted === undefined) {
      granted = resourcesOf(pod, (name) => statusOf(pod, name)?.resources);
      this.#allocated.set(uid, granted);
    }
    return granted;
  }
}

function resourcesOf(
  pod: Pod,
  recorded: (name: string) => ContainerResources | undefined = () => undefined,
): ReadonlyMap<string, ContainerResources> {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return new Map(all.map(({ name, resources }) => [name, pickResources(recorded(name) ?? resources)]));
}

function pickResources({ requests, limits }: ContainerResources = {}): ContainerResources {
  return { ...(requests === undefined ? {} : { requests }), ...(limits === undefined ? {} : { limits }) };
}

function statusOf(pod: Pod, name: string) {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
}

/** By amount, not by notation. */
function sameResources(a: ContainerResources = {}, b: ContainerResources = {}): boolean {
  return sameList(a.requests, b.requests) && sameList(a.limits, b.limits);
}

type List = Readonly<Record<string, string>>;

function sameList(a: List = {}, b: List = {}): boolean {
  return a === b || canonicalJson(normal(a)) === canonicalJson(normal(b));
}

function normal(list: List): List {
  return Object.fromEntries(Object.entries(list).map(([name, amount]) => [name, canonicalQuantity(amount)]));
}

/** How a running container gets other resources: by its resizePolicy for those of cpu and memory that differ. */
export function resizeOf(
  container: Container,
  actuated: ContainerResources | undefined,
): "none" | "inPlace" | "restart" {
  if (actuated === undefined || sameResources(actuated, container.resources)) return "none";
  const changed = ["cpu", "memory"].filter((name) => {
    const part = (resources: ContainerResources | undefined) => [
      resources?.requests?.[name] ?? "",
      resources?.limits?.[name] ?? "",
    ];
    const [was, wanted] = [part(actuated), part(container.resources)];
    return was.some((amount, index) => !sameAmount(amount, wanted[index] ?? ""));
  });
  const needsRestart = changed.some((name) =>
    container.resizePolicy?.some(
      ({ resourceName, restartPolicy }) => resourceName === name && restartPolicy === "RestartContainer",
    ),
  );
  if (changed.length === 0) return "none";
  return needsRestart ? "restart" : "inPlace";
}

function sameAmount(a: string, b: string): boolean {
  return a === b || (a !== "" && b !== "" && canonicalQuantity(a) === canonicalQuantity(b));
}
