/** Whether a node is one that a node selector asks for (pods, persistent volumes, daemon sets). */

import { type LabelOperator, type Labels, matchesLabels } from "../../apimachinery/label-selector.ts";
import { lookupTable } from "../../base/lookup-table.ts";
import type {
  Node,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodSpec,
} from "./types.generated.ts";

const operators: Readonly<Record<string, LabelOperator>> = lookupTable({
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
  Gt: "gt",
  Lt: "lt",
});

/** Terms are alternatives: one that matches is enough; a selector without terms matches no node. */
export function matchesNodeSelector(selector: NodeSelector, node: Node): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node));
}

/** All requirements of a term must hold; an empty term matches no node. */
export function matchesNodeSelectorTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const fields: Labels = { "metadata.name": node.metadata.name ?? "" };
  return (
    matchExpressions.every((requirement) => holds(requirement, node.metadata.labels)) &&
    matchFields.every((requirement) => holds(requirement, fields))
  );
}

function holds({ key, operator, values = [] }: NodeSelectorRequirement, labels: Labels | undefined): boolean {
  const known = operators[operator];
  return known !== undefined && matchesLabels([{ key, operator: known, values }], labels);
}

/** What a pod insists on: its nodeSelector and the required node affinity (upstream's `RequiredNodeAffinity`). */
export function matchesRequiredNodeAffinity(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const key in spec.nodeSelector) if (labels[key] !== spec.nodeSelector[key]) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(required, node);
}
