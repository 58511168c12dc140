import { computePodQosClass } from "../../../api/core/pod-qos.ts";
import type { Namespace, Pod, Toleration } from "../../../api/core/types.generated.ts";
import { failure, notFound } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { type AdmissionDependencies, findNamespace, isFor } from "../dependencies.ts";
import { isSuperset, mergeTolerations } from "./tolerations.ts";

/** What counts in namespaces that say nothing of their own. */
export interface TolerationDefaults {
  readonly default?: readonly Toleration[];
  readonly whitelist?: readonly Toleration[];
}

const annotations = {
  default: "scheduler.alpha.kubernetes.io/defaultTolerations",
  whitelist: "scheduler.alpha.kubernetes.io/tolerationsWhitelist",
} as const;

const memoryPressure: Toleration = {
  key: "node.kubernetes.io/memory-pressure",
  operator: "Exists",
  effect: "NoSchedule",
};

/** Pods tolerate what their namespace says by default, and no more than it allows. */
export function podTolerationRestriction(
  dependencies: AdmissionDependencies,
  defaults: TolerationDefaults = {},
): AdmissionPlugin {
  const namespaceOf = async ({ namespace }: AdmissionAttributes) => {
    const found = await findNamespace(dependencies, namespace);
    if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
    return found;
  };
  return {
    name: "PodTolerationRestriction",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    async admit(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return attributes.object;
      // The resource says that it is a pod.
      const pod = attributes.object as AnyObject & Pod;
      const own = pod.spec.tolerations ?? [];
      const added =
        attributes.operation === "CREATE"
          ? tolerationsOf(await namespaceOf(attributes), "default", defaults)
          : [];
      const extra = computePodQosClass(pod) === "BestEffort" ? [] : [memoryPressure];
      const tolerations = mergeTolerations(added.length > 0 ? mergeTolerations(added, own) : own, extra);
      return { ...pod, spec: { ...pod.spec, tolerations } };
    },
    async validate(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return;
      const { tolerations = [] } = (attributes.object as AnyObject & Pod).spec;
      if (tolerations.length === 0) return;
      const allowed = tolerationsOf(await namespaceOf(attributes), "whitelist", defaults);
      const isAllowed = (toleration: Toleration) => allowed.some((wide) => isSuperset(wide, toleration));
      if (allowed.length > 0 && !tolerations.every(isAllowed))
        throw failure(
          500,
          "InternalError",
          "pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist",
        );
    },
  };
}

/** An annotation that is there counts, even if its list is empty. */
function tolerationsOf(
  { metadata }: Namespace,
  which: keyof typeof annotations,
  defaults: TolerationDefaults,
): readonly Toleration[] {
  const text = metadata.annotations?.[annotations[which]];
  if (text === undefined || text === "") return defaults[which] ?? [];
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed as readonly Toleration[]; // whoever annotates the namespace answers for it
  } catch {
    // Said below.
  }
  throw failure(500, "InternalError", `${annotations[which]} is no JSON list of tolerations`);
}
