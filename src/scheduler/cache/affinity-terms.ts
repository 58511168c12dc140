import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from "../../api/core/types.generated.ts";
import {
  type LabelRequirement,
  type LabelRequirements,
  type Labels,
  matchesLabels,
  requirementsOf,
  SelectorSyntaxError,
} from "../../apimachinery/label-selector.ts";

/** A term of inter-pod (anti-)affinity, ready to be matched. */
export interface AffinityTerm {
  /** The same text for terms that mean the same. */
  readonly key: string;
  readonly topologyKey: string;
  readonly namespaces: readonly string[];
  /** Undefined: namespaces are named, not selected. */
  readonly namespaceSelector: LabelRequirements | undefined;
  /** Undefined selects no pod. */
  readonly selector: LabelRequirements | undefined;
  /** Of a preference; 0 for what is required. */
  readonly weight: number;
}

export interface PodAffinityTerms {
  readonly required: readonly AffinityTerm[];
  readonly requiredAnti: readonly AffinityTerm[];
  readonly preferred: readonly AffinityTerm[];
  readonly preferredAnti: readonly AffinityTerm[];
}

/** Undefined where the pod says nothing of other pods. */
export function affinityTermsOf(pod: Pod): PodAffinityTerms | undefined {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  if (podAffinity === undefined && podAntiAffinity === undefined) return undefined;
  const required = (terms: readonly PodAffinityTerm[] | undefined) =>
    terms?.map((term) => termOf(pod, term, 0)) ?? [];
  const preferred = (terms: readonly WeightedPodAffinityTerm[] | undefined) =>
    terms?.map(({ podAffinityTerm, weight }) => termOf(pod, podAffinityTerm, weight)) ?? [];
  return {
    required: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAnti: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: preferred(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAnti: preferred(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
}

/** Whether the term selects a pod of these labels in this namespace. */
export function termSelects(
  { namespaces, namespaceSelector, selector }: AffinityTerm,
  namespace: string,
  labels: Labels | undefined,
  namespaceLabels: (namespace: string) => Labels | undefined,
): boolean {
  if (selector === undefined || !matchesLabels(selector, labels)) return false;
  if (namespaces.includes(namespace)) return true;
  return namespaceSelector !== undefined && matchesLabels(namespaceSelector, namespaceLabels(namespace));
}

function termOf(pod: Pod, term: PodAffinityTerm, weight: number): AffinityTerm {
  const { topologyKey, labelSelector, namespaceSelector, matchLabelKeys, mismatchLabelKeys } = term;
  const own = pod.metadata.labels ?? {};
  // Without namespaces and without a selector of them the pod's own is meant.
  const named = term.namespaces ?? [];
  const namespaces =
    named.length === 0 && namespaceSelector === undefined ? [pod.metadata.namespace ?? ""] : named.toSorted();
  const selector = requirements(labelSelector);
  const ownRequirements = [
    ...byOwnLabels(matchLabelKeys, own, "in"),
    ...byOwnLabels(mismatchLabelKeys, own, "notin"),
  ];
  const whole = selector === undefined ? undefined : [...selector, ...ownRequirements];
  const selected = namespaceSelector === undefined ? undefined : requirements(namespaceSelector);
  const key = JSON.stringify([topologyKey, namespaces, selected, whole, weight]);
  return { key, topologyKey, namespaces, namespaceSelector: selected, selector: whole, weight };
}

/** "The same revision as mine": the pod's own values of these labels (KEP-3633). */
export function byOwnLabels(
  keys: readonly string[] | undefined,
  labels: Labels,
  operator: "in" | "notin",
): LabelRequirement[] {
  return (keys ?? []).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}

/** A selector that validation should have refused selects nothing. */
export function requirements(selector: Parameters<typeof requirementsOf>[0]): LabelRequirements | undefined {
  try {
    return requirementsOf(selector);
  } catch (error) {
    if (error instanceof SelectorSyntaxError) return undefined;
    throw error;
  }
}
