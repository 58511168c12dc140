import { matchesRequiredNodeAffinity } from "../../api/core/node-affinity.ts";
import { findUntoleratedTaint, nodeTaintKeys } from "../../api/core/taints.ts";
import type {
  Affinity,
  Node,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Toleration,
} from "../../api/core/types.generated.ts";

/** Daemons keep a node in order, so they stay and start where others may not. */
const daemonTolerations: readonly Toleration[] = [
  { key: nodeTaintKeys.notReady, operator: "Exists", effect: "NoExecute" },
  { key: nodeTaintKeys.unreachable, operator: "Exists", effect: "NoExecute" },
  { key: nodeTaintKeys.diskPressure, operator: "Exists", effect: "NoSchedule" },
  { key: nodeTaintKeys.memoryPressure, operator: "Exists", effect: "NoSchedule" },
  { key: nodeTaintKeys.pidPressure, operator: "Exists", effect: "NoSchedule" },
  { key: nodeTaintKeys.unschedulable, operator: "Exists", effect: "NoSchedule" },
];

const hostNetworkToleration: Toleration = {
  key: nodeTaintKeys.networkUnavailable,
  operator: "Exists",
  effect: "NoSchedule",
};

export function withDaemonTolerations(spec: PodSpec): PodSpec {
  const wanted =
    spec.hostNetwork === true ? [...daemonTolerations, hostNetworkToleration] : daemonTolerations;
  const own = (spec.tolerations ?? []).filter(
    (toleration) => !wanted.some(({ key, effect }) => toleration.key === key && toleration.effect === effect),
  );
  return { ...spec, tolerations: [...own, ...wanted] };
}

export interface Placement {
  /** A pod is wanted on the node. */
  readonly shouldRun: boolean;
  /** One that is there already may stay. */
  readonly mayStay: boolean;
}

/** Whether a daemon's pod belongs on a node: by node name, affinity and taints. */
export function placementOn(node: Node, template: PodTemplateSpec): Placement {
  const spec = withDaemonTolerations(template.spec);
  const isNamed = spec.nodeName === undefined || spec.nodeName === "" || spec.nodeName === node.metadata.name;
  if (!isNamed || !matchesRequiredNodeAffinity(spec, node)) return { shouldRun: false, mayStay: false };
  const { taints } = node.spec;
  if (findUntoleratedTaint(taints, spec.tolerations, ["NoSchedule", "NoExecute"]) === undefined) {
    return { shouldRun: true, mayStay: true };
  }
  const isDrivenOff = findUntoleratedTaint(taints, spec.tolerations, ["NoExecute"]) !== undefined;
  return { shouldRun: false, mayStay: !isDrivenOff };
}

const nodeNameField = "metadata.name";

/** The affinity that makes the scheduler put a pod on exactly this node. */
export function pinnedTo(nodeName: string, affinity: Affinity | undefined): Affinity {
  const terms = [{ matchFields: [{ key: nodeNameField, operator: "In", values: [nodeName] }] }];
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
    },
  };
}

/** The node a daemon's pod is on or meant for. */
export function targetNodeOf({ spec }: Pod): string | undefined {
  if (spec.nodeName !== undefined && spec.nodeName !== "") return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const { matchFields = [] } of required?.nodeSelectorTerms ?? []) {
    const pin = matchFields.find(({ key, operator }) => key === nodeNameField && operator === "In");
    if (pin?.values?.length === 1) return pin.values[0];
  }
  return undefined;
}
