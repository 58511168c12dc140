import { matchesNodeSelectorTerm, matchesRequiredNodeAffinity } from "../../api/core/node-affinity.ts";
import type { PodSpec, PreferredSchedulingTerm } from "../../api/core/types.generated.ts";
import { normalizeToMax } from "../framework/normalize.ts";
import type { Plugin } from "../framework/plugin.ts";
import { skip, success, unresolvable } from "../framework/status.ts";

const rejection = unresolvable("node(s) didn't match Pod's node affinity/selector");

/** Keeps pods to the nodes that their nodeSelector and required node affinity ask for; prefers those they would like. */
export const nodeAffinity: Plugin<PodSpec, readonly PreferredSchedulingTerm[]> = {
  name: "NodeAffinity",
  requeueOn: [
    { resource: "nodes", action: "add" },
    { resource: "nodes", action: "update-labels" },
  ],
  weight: 2,

  preFilter({ pod: { spec } }) {
    const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    return required === undefined && isEmpty(spec.nodeSelector) ? skip : spec;
  },
  onlyNodes: (spec) => namedNodes(spec),
  filter: (spec, { node }) => (matchesRequiredNodeAffinity(spec, node) ? success : rejection),
  filterSharing: {
    dependsOn: "node",
    // A pod that names its nodes (a DaemonSet's) is one of its kind.
    signature: (spec) =>
      namedNodes(spec) === undefined
        ? JSON.stringify([
            spec.nodeSelector,
            spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
          ])
        : undefined,
  },

  preScore({ pod: { spec } }) {
    const preferred = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.length === 0 ? skip : preferred;
  },
  score(preferred, { node }) {
    let score = 0;
    // A preference without conditions is one for every node.
    for (const { weight, preference } of preferred)
      if (isEmptyTerm(preference) || matchesNodeSelectorTerm(preference, node)) score += weight;
    return score;
  },
  scoreSharing: { dependsOn: "node", signature: (preferred) => JSON.stringify(preferred) },
  normalize: (_, scores, { count }) => normalizeToMax(scores, count),
};

/** The nodes that every alternative names by metadata.name; undefined where one does not. */
function namedNodes(spec: PodSpec): ReadonlySet<string> | undefined {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined || required.nodeSelectorTerms.length === 0) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of required.nodeSelectorTerms) {
    const byName = matchFields.filter(({ key, operator }) => key === "metadata.name" && operator === "In");
    const [first, ...others] = byName.map(({ values = [] }) => values);
    if (first === undefined) return undefined;
    for (const name of first) if (others.every((values) => values.includes(name))) names.add(name);
  }
  return names;
}

function isEmptyTerm({ matchExpressions = [], matchFields = [] }: PreferredSchedulingTerm["preference"]) {
  return matchExpressions.length === 0 && matchFields.length === 0;
}

function isEmpty(labels: Readonly<Record<string, string>> | undefined): boolean {
  for (const _ in labels) return false;
  return true;
}
