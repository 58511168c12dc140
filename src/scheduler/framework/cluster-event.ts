import type { KubeObject } from "../../apimachinery/meta.ts";

/** What can happen in a cluster that lets a rejected pod fit. `pods` are those on nodes; `target` is the waiting pod itself. */
export type EventResource =
  | "pods"
  | "target"
  | "nodes"
  | "persistentvolumes"
  | "persistentvolumeclaims"
  | "storageclasses"
  | "csinodes"
  | "csidrivers"
  | "csistoragecapacities"
  | "resourceclaims"
  | "resourceslices"
  | "deviceclasses";

/** The special updates are told apart where it can be seen which one it was; `update` stands for all of them. */
export type EventAction =
  | "add"
  | "delete"
  | "update"
  | "update-labels"
  | "update-taints"
  | "update-allocatable"
  | "update-conditions"
  | "update-images"
  | "update-tolerations"
  | "scale-down"
  | "gates-eliminated";

export interface ClusterEvent {
  readonly resource: EventResource;
  readonly actions: readonly EventAction[];
  /** As it is now; for a deletion, as it was last. */
  readonly object?: KubeObject;
  readonly old?: KubeObject;
}

/** An event after which a pod that a plugin rejected may fit (upstream's `ClusterEventWithHint`). */
export interface RequeueRule<P> {
  readonly resource: EventResource;
  readonly action: EventAction;
  /** Whether this very event may help this pod; absent: every one may. */
  hint?(pod: P, event: ClusterEvent): boolean;
}

export function matchesEvent(rule: RequeueRule<never>, event: ClusterEvent): boolean {
  if (rule.resource !== event.resource) return false;
  return event.actions.some(
    (action) =>
      action === rule.action || (rule.action === "update" && action !== "add" && action !== "delete"),
  );
}

const resourceLabels: Readonly<Record<EventResource, string>> = {
  pods: "AssignedPod",
  target: "UnscheduledPod",
  nodes: "Node",
  persistentvolumes: "PersistentVolume",
  persistentvolumeclaims: "PersistentVolumeClaim",
  storageclasses: "StorageClass",
  csinodes: "CSINode",
  csidrivers: "CSIDriver",
  csistoragecapacities: "CSIStorageCapacity",
  resourceclaims: "ResourceClaim",
  resourceslices: "ResourceSlice",
  deviceclasses: "DeviceClass",
};

const actionLabels: Readonly<Record<EventAction, string>> = {
  add: "Add",
  delete: "Delete",
  update: "Update",
  "update-labels": "UpdateNodeLabel",
  "update-taints": "UpdateNodeTaint",
  "update-allocatable": "UpdateNodeAllocatable",
  "update-conditions": "UpdateNodeCondition",
  "update-images": "Update",
  "update-tolerations": "UpdatePodToleration",
  "scale-down": "UpdatePodScaleDown",
  "gates-eliminated": "UpdatePodSchedulingGatesEliminated",
};

/** `NodeAdd`: upstream's name of an event in metrics; of one that did several things, the first. */
export function eventLabel({ resource, actions: [action = "update"] }: ClusterEvent): string {
  const label = action === "update-labels" && resource !== "nodes" ? "UpdatePodLabel" : actionLabels[action];
  return `${resourceLabels[resource]}${label}`;
}
