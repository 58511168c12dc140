import { mapField, mapItems } from "../fill.ts";
import type { Pod, PodAffinity, PodAffinityTerm, TopologySpreadConstraint } from "./types.generated.ts";

/**
 * "The same revision as mine" (KEP-3633, KEP-3243): the values that the pod's own labels have under the keys of a term
 * join its selector when the pod is made, so that a later change of its labels changes nothing.
 */
export function withLabelKeys(pod: Pod): Pod {
  const { affinity, topologySpreadConstraints } = pod.spec;
  const isPlain =
    affinity?.podAffinity === undefined &&
    affinity?.podAntiAffinity === undefined &&
    (topologySpreadConstraints ?? []).length === 0;
  const labels = pod.metadata.labels;
  if (isPlain || labels === undefined) return pod;
  const merge = <T extends PodAffinityTerm | TopologySpreadConstraint>(term: T) => merged(term, labels);
  const inAffinity = <T extends PodAffinity>(side: T): T => {
    const required = mapField<PodAffinity, "requiredDuringSchedulingIgnoredDuringExecution">(
      side,
      "requiredDuringSchedulingIgnoredDuringExecution",
      (terms) => mapItems(terms, merge),
    );
    return mapField(required, "preferredDuringSchedulingIgnoredDuringExecution", (terms) =>
      mapItems(terms, (weighted) => mapField(weighted, "podAffinityTerm", merge)),
    ) as T; // a copy keeps what it is
  };
  let spec = mapField(pod.spec, "topologySpreadConstraints", (constraints) => mapItems(constraints, merge));
  spec = mapField(spec, "affinity", (given) =>
    mapField(mapField(given, "podAffinity", inAffinity), "podAntiAffinity", inAffinity),
  );
  return spec === pod.spec ? pod : { ...pod, spec };
}

function merged<T extends PodAffinityTerm | TopologySpreadConstraint>(
  term: T,
  labels: Readonly<Record<string, string>>,
): T {
  // Without a selector no pod is meant, whatever its labels.
  if (term.labelSelector === undefined) return term;
  const mismatched = "mismatchLabelKeys" in term ? term.mismatchLabelKeys : undefined;
  const requirements = [
    ...requirementsOf(term.matchLabelKeys, "In", labels),
    ...requirementsOf(mismatched, "NotIn", labels),
  ];
  if (requirements.length === 0) return term;
  const matchExpressions = [...(term.labelSelector.matchExpressions ?? []), ...requirements];
  return { ...term, labelSelector: { ...term.labelSelector, matchExpressions } };
}

function requirementsOf(
  keys: readonly string[] = [],
  operator: string,
  labels: Readonly<Record<string, string>>,
) {
  return keys.flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}
