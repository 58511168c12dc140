import type { ReplicaSet, StatefulSet } from "../../api/apps/types.generated.ts";
import type { Pod, ReplicationController, Service } from "../../api/core/types.generated.ts";
import { type LabelRequirements, matchesLabels, requirementsOf } from "../../apimachinery/label-selector.ts";
import { controllerOf, type KubeObject } from "../../apimachinery/meta.ts";

interface Finder<T extends KubeObject> {
  get(key: string): T | undefined;
}

export interface GroupSources {
  readonly services: { list(options: { readonly namespace: string }): readonly Service[] };
  readonly replicationControllers: Finder<ReplicationController>;
  readonly replicaSets: Finder<ReplicaSet>;
  readonly statefulSets: Finder<StatefulSet>;
}

/** What selects a pod's likes: the selectors of its services and of its controller together; undefined: it has none. */
export function groupSelectorOf(sources: GroupSources, pod: Pod): LabelRequirements | undefined {
  const { namespace = "", labels } = pod.metadata;
  const requirements: LabelRequirements[] = [];
  if (labels !== undefined)
    for (const { spec } of sources.services.list({ namespace })) {
      const matchLabels = spec?.selector ?? {};
      if (Object.keys(matchLabels).length === 0) continue;
      const selector = requirementsOf({ matchLabels }) ?? [];
      if (matchesLabels(selector, labels)) requirements.push(selector);
    }
  const owner = controllerOf(pod);
  if (owner !== undefined) {
    const key = `${namespace}/${owner.name}`;
    if (owner.kind === "ReplicationController") {
      const matchLabels = sources.replicationControllers.get(key)?.spec?.selector;
      if (matchLabels !== undefined) requirements.push(requirementsOf({ matchLabels }) ?? []);
    } else if (owner.kind === "ReplicaSet")
      requirements.push(requirementsOf(sources.replicaSets.get(key)?.spec?.selector) ?? []);
    else if (owner.kind === "StatefulSet")
      requirements.push(requirementsOf(sources.statefulSets.get(key)?.spec?.selector) ?? []);
  }
  const all = requirements.flat();
  return all.length === 0 ? undefined : all;
}
