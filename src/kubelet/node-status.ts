import type { Node, NodeCondition } from "../api/core/types.generated.ts";
import { canonicalQuantity } from "../apimachinery/quantity.ts";
import { semanticallyEqual } from "../apimachinery/semantic-equality.ts";
import { rfc3339 } from "../base/clock.ts";
import type { EvictionThresholds } from "./eviction/pressure.ts";

/** What is known of the machine (cAdvisor's MachineInfo, in essence). */
export interface MachineInfo {
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly hugepages: Readonly<Record<string, string>>;
}

export interface NodeImage {
  readonly names: readonly string[];
  readonly sizeBytes: number;
}

/** What the node says of itself at one moment. */
export interface NodeObservation {
  readonly machine: MachineInfo;
  readonly runtimeVersion: string;
  readonly kubeletVersion: string;
  readonly kubeletPort: number;
  readonly maxPods: number;
  /** What eviction keeps free is not for pods; absent: they may have all. */
  readonly heldBack?: Pick<EvictionThresholds, "memoryBytes" | "diskShare"> | undefined;
  readonly images: readonly NodeImage[];
  /** Why the node cannot run pods; empty: it can. */
  readonly notReadyReasons: readonly string[];
  readonly pressure: { readonly memory: boolean; readonly disk: boolean; readonly pid: boolean };
  readonly handlers: NonNullable<Node["status"]>["runtimeHandlers"];
  readonly features: NonNullable<Node["status"]>["features"];
}

export interface NodeIdentity {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: NonNullable<Node["spec"]>["taints"];
  readonly registerSchedulable: boolean;
}

/** The Node object a kubelet registers. */
export function newNode(identity: NodeIdentity, observation: NodeObservation, nowMs: number): Node {
  const { name, labels, taints = [], registerSchedulable } = identity;
  const { machine } = observation;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": machine.hostname,
        "kubernetes.io/os": machine.operatingSystem,
        "kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": machine.operatingSystem,
        "beta.kubernetes.io/arch": machine.architecture,
        ...labels,
      },
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: {
      ...(taints.length > 0 ? { taints } : {}),
      ...(registerSchedulable ? {} : { unschedulable: true }),
    },
    status: nodeStatus({}, observation, nowMs),
  };
}

/** The status as it should be now, keeping what did not change as it was. */
export function nodeStatus(
  old: NonNullable<Node["status"]>,
  observation: NodeObservation,
  nowMs: number,
): NonNullable<Node["status"]> {
  const { machine, images, maxPods, kubeletPort } = observation;
  const amounts = canonicalAmounts({
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    "ephemeral-storage": `${Math.floor(machine.ephemeralStorageBytes / 1024)}Ki`,
    pods: String(maxPods),
    ...machine.hugepages,
  });
  return {
    ...old,
    addresses: [
      ...machine.addresses.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: machine.hostname },
    ],
    capacity: { ...old.capacity, ...amounts },
    // Amounts that somebody else says the node has can all be had.
    allocatable: { ...old.capacity, ...amounts, ...leftForPods(observation) },
    conditions: mergeConditions(old.conditions ?? [], ownConditions(observation), nowMs),
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: observation.runtimeVersion,
      kubeletVersion: observation.kubeletVersion,
      kubeProxyVersion: "",
      operatingSystem: machine.operatingSystem,
      architecture: machine.architecture,
    },
    // Largest first, and not without end: what upstream reports too.
    images: [...images].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, maxReportedImages),
    ...(observation.handlers === undefined ? {} : { runtimeHandlers: observation.handlers }),
    ...(observation.features === undefined ? {} : { features: observation.features }),
  };
}

/** In the units in which upstream prints them: a share of the disk comes out in bytes. */
function leftForPods({ machine, heldBack }: NodeObservation): Amounts {
  if (heldBack === undefined) return {};
  const diskBytes = Math.floor(machine.ephemeralStorageBytes / 1024) * 1024;
  return canonicalAmounts({
    memory: `${Math.floor((machine.memoryBytes - heldBack.memoryBytes) / 1024)}Ki`,
    "ephemeral-storage": String(diskBytes - Math.trunc(diskBytes * heldBack.diskShare)),
  });
}

/** As the API server gives them back: in another notation they would be news each time. */
function canonicalAmounts(amounts: Amounts): Amounts {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [name, canonicalQuantity(amount)]),
  );
}

/** Whether one status tells nothing that the other did not, but for when it was told. */
export function isSameStatus(left: NonNullable<Node["status"]>, right: NonNullable<Node["status"]>): boolean {
  return semanticallyEqual(withoutHeartbeats(left), withoutHeartbeats(right));
}

function withoutHeartbeats({ conditions = [], ...status }: NonNullable<Node["status"]>): object {
  return { ...status, conditions: conditions.map(({ lastHeartbeatTime: _, ...condition }) => condition) };
}

const maxReportedImages = 50;

type Amounts = Readonly<Record<string, string>>;

/**
 * The strategic patch from one status to the next. Of the amounts it names those that change: one that somebody takes
 * away between the look and the patch does not come back by it.
 */
export function statusPatch(old: NonNullable<Node["status"]>, next: NonNullable<Node["status"]>): object {
  return {
    ...next,
    capacity: changedAmounts(old.capacity, next.capacity),
    allocatable: changedAmounts(old.allocatable, next.allocatable),
  };
}

function changedAmounts(old: Amounts = {}, next: Amounts = {}): Record<string, string | null> {
  const changed = Object.entries(next).filter(([name, amount]) => old[name] !== amount);
  const gone = Object.keys(old).filter((name) => next[name] === undefined);
  return { ...Object.fromEntries(changed), ...Object.fromEntries(gone.map((name) => [name, null])) };
}

type OwnCondition = Pick<NodeCondition, "type" | "status" | "reason" | "message">;

const pressureWords = {
  memory: {
    type: "MemoryPressure",
    on: { reason: "KubeletHasInsufficientMemory", message: "kubelet has insufficient memory available" },
    off: { reason: "KubeletHasSufficientMemory", message: "kubelet has sufficient memory available" },
  },
  disk: {
    type: "DiskPressure",
    on: { reason: "KubeletHasDiskPressure", message: "kubelet has disk pressure" },
    off: { reason: "KubeletHasNoDiskPressure", message: "kubelet has no disk pressure" },
  },
  pid: {
    type: "PIDPressure",
    on: { reason: "KubeletHasInsufficientPID", message: "kubelet has insufficient PID available" },
    off: { reason: "KubeletHasSufficientPID", message: "kubelet has sufficient PID available" },
  },
} as const;

function ownConditions({ notReadyReasons, pressure }: NodeObservation): OwnCondition[] {
  const ready = notReadyReasons.length === 0;
  const pressures = (["memory", "disk", "pid"] as const).map((signal): OwnCondition => {
    const { type, on, off } = pressureWords[signal];
    return pressure[signal] ? { type, status: "True", ...on } : { type, status: "False", ...off };
  });
  return [
    ...pressures,
    {
      type: "Ready",
      status: ready ? "True" : "False",
      reason: ready ? "KubeletReady" : "KubeletNotReady",
      message: ready ? "kubelet is posting ready status" : notReadyReasons.join(", "),
    },
  ];
}

function mergeConditions(
  old: readonly NodeCondition[],
  own: readonly OwnCondition[],
  nowMs: number,
): NodeCondition[] {
  const now = rfc3339(nowMs);
  const merged = own.map((condition): NodeCondition => {
    const before = old.find(({ type }) => type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
  // A patch changes those that are there where they stand.
  return [
    ...old.map((condition) => merged.find(({ type }) => type === condition.type) ?? condition),
    ...merged.filter(({ type }) => !old.some((condition) => condition.type === type)),
  ];
}
