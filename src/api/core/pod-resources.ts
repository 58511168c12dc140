/** What a pod asks for and may use at most, all its containers taken together. */
import { addQuantity, compareQuantity, parseQuantity, type Quantity } from "../../apimachinery/quantity.ts";
import { podCondition } from "./pod-conditions.ts";
import type { Container, ContainerStatus, Pod, ResourceRequirements } from "./types.generated.ts";

/** Resource lists as the API has them, and parsed. */
export type ResourceList = Readonly<Record<string, string>>;
export type ResourceAmounts = Readonly<Record<string, Quantity>>;

type Amounts = Record<string, Quantity>;

export interface PodResourcesOptions {
  /** Leave out what the runtime class adds for the sandbox. */
  readonly excludeOverhead?: boolean;
  /** Look at what a resize has reached (status) beside what is asked for (spec). */
  readonly useStatus?: boolean;
  /** For containers that say nothing of a resource: what is assumed (scheduler scoring). */
  readonly missing?: ResourceAmounts;
}

/**
 * Requests of the pod: the containers and sidecars together, or the most that initialization needs at any moment; pod
 * level requests in their place where given; plus overhead (component-helpers' `PodRequests`, KEP-753, KEP-2837).
 */
export function podRequests(pod: Pod, options: PodResourcesOptions = {}): ResourceAmounts {
  const sum = aggregate(pod, "requests", options);
  applyPodLevel(sum, pod.spec.resources?.requests);
  if (options.excludeOverhead !== true) addAll(sum, parseResourceList(pod.spec.overhead));
  return sum;
}

/** Limits of the pod; overhead is added to those that exist. */
export function podLimits(pod: Pod, options: PodResourcesOptions = {}): ResourceAmounts {
  const sum = aggregate(pod, "limits", options);
  applyPodLevel(sum, pod.spec.resources?.limits);
  if (options.excludeOverhead === true) return sum;
  for (const [name, amount] of Object.entries(parseResourceList(pod.spec.overhead))) {
    const limit = sum[name];
    if (limit !== undefined && limit.unscaled !== 0n) sum[name] = addQuantity(limit, amount);
  }
  return sum;
}

/** The sum over containers alone, without what the pod says for all of them. */
export function containerRequests(pod: Pod): ResourceAmounts {
  return aggregate(pod, "requests", {});
}

export function containerLimits(pod: Pod): ResourceAmounts {
  return aggregate(pod, "limits", {});
}

/** cpu, memory and hugepages can be given for the pod as a whole. */
export function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}

/** Whether the pod as a whole has requests or limits of its own. */
export function hasPodLevelResources(pod: Pod): boolean {
  const { requests, limits } = pod.spec.resources ?? {};
  return [...Object.keys(requests ?? {}), ...Object.keys(limits ?? {})].some(isPodLevelResource);
}

export function parseResourceList(list: ResourceList | undefined): ResourceAmounts {
  const amounts: Amounts = {};
  for (const name in list) {
    const text = list[name];
    if (text !== undefined) amounts[name] = parseQuantity(text);
  }
  return amounts;
}

function aggregate(pod: Pod, part: "requests" | "limits", options: PodResourcesOptions): Amounts {
  const statuses = options.useStatus === true ? statusesByName(pod) : undefined;
  const amountsOf = (container: Container, canResize: boolean): ResourceAmounts => {
    const status = canResize ? statuses?.get(container.name) : undefined;
    const asked = parseResourceList(container.resources?.[part]);
    const amounts =
      status?.resources === undefined ? asked : resized(pod, part, asked, status, status.resources);
    return options.missing === undefined ? amounts : { ...options.missing, ...amounts };
  };
  const sum: Amounts = {};
  for (const container of pod.spec.containers) addAll(sum, amountsOf(container, true));
  const sidecars: Amounts = {};
  const initialization: Amounts = {};
  for (const container of pod.spec.initContainers ?? []) {
    const isSidecar = container.restartPolicy === "Always";
    const own = amountsOf(container, isSidecar);
    if (isSidecar) {
      addAll(sum, own);
      addAll(sidecars, own);
      raiseAll(initialization, sidecars);
    } else {
      // While it runs, so do the sidecars that were started before it.
      const together: Amounts = { ...sidecars };
      addAll(together, own);
      raiseAll(initialization, together);
    }
  }
  raiseAll(sum, initialization);
  return sum;
}

/** While a resize is under way the larger of what was, is and shall be counts. */
function resized(
  pod: Pod,
  part: "requests" | "limits",
  asked: ResourceAmounts,
  status: ContainerStatus,
  actual: ResourceRequirements,
): ResourceAmounts {
  const isInfeasible = podCondition(pod, "PodResizePending")?.reason === "Infeasible";
  const largest: Amounts = isInfeasible ? {} : { ...asked };
  raiseAll(largest, parseResourceList(actual[part]));
  if (part === "requests") raiseAll(largest, parseResourceList(status.allocatedResources));
  return largest;
}

function statusesByName(pod: Pod): ReadonlyMap<string, ContainerStatus> {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return new Map([...containerStatuses, ...initContainerStatuses].map((status) => [status.name, status]));
}

function applyPodLevel(sum: Amounts, list: ResourceList | undefined): void {
  for (const [name, amount] of Object.entries(parseResourceList(list)))
    if (isPodLevelResource(name)) sum[name] = amount;
}

function addAll(sum: Amounts, more: ResourceAmounts): void {
  for (const name in more) {
    const amount = more[name];
    if (amount === undefined) continue;
    const present = sum[name];
    sum[name] = present === undefined ? amount : addQuantity(present, amount);
  }
}

function raiseAll(most: Amounts, candidates: ResourceAmounts): void {
  for (const name in candidates) {
    const amount = candidates[name];
    const present = most[name];
    if (amount !== undefined && (present === undefined || compareQuantity(amount, present) > 0))
      most[name] = amount;
  }
}
