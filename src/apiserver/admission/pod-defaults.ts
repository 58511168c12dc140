import type { Node, Pod, Taint, Toleration } from "../../api/core/types.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { AdmissionPlugin } from "../stages.ts";
import { isFor } from "./dependencies.ts";

/** The small plugins that only fill something in: DefaultTolerationSeconds and TaintNodesByCondition. */

/** How long a pod stays on a node that is not ready, or not reachable, unless it says otherwise. */
export interface TolerationSeconds {
  readonly notReady: number;
  readonly unreachable: number;
}

const fiveMinutes: TolerationSeconds = { notReady: 300, unreachable: 300 };

export function defaultTolerationSeconds(seconds = fiveMinutes): AdmissionPlugin {
  const defaults = [
    ["node.kubernetes.io/not-ready", seconds.notReady],
    ["node.kubernetes.io/unreachable", seconds.unreachable],
  ] as const;
  return {
    name: "DefaultTolerationSeconds",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    admit(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return attributes.object;
      // The resource says that it is a pod.
      const pod = attributes.object as AnyObject & Pod;
      const tolerations = pod.spec.tolerations ?? [];
      const missing = defaults.filter(([key]) => !tolerations.some((given) => tolerates(given, key)));
      if (missing.length === 0) return pod;
      const added = missing.map(
        ([key, tolerationSeconds]): Toleration => ({
          key,
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds,
        }),
      );
      return { ...pod, spec: { ...pod.spec, tolerations: [...tolerations, ...added] } };
    },
  };
}

function tolerates(toleration: Toleration, key: string): boolean {
  const { key: given = "", effect = "" } = toleration;
  return (given === key || given === "") && (effect === "NoExecute" || effect === "");
}

const notReady: Taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

/** A new node takes no pods until its controller has seen it ready. */
export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: "TaintNodesByCondition",
    handles: (operation) => operation === "CREATE",
    admit(attributes) {
      if (!isFor(attributes, "", "nodes") || attributes.object === undefined) return attributes.object;
      // The resource says that it is a node.
      const node = attributes.object as AnyObject & Node;
      const taints = node.spec?.taints ?? [];
      if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return node;
      return { ...node, spec: { ...node.spec, taints: [...taints, notReady] } };
    },
  };
}
