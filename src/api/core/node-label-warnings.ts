/** Labels of nodes that have newer names, wherever objects select by them. */

import * as field from "../../apimachinery/validation.ts";
import { lookupTable } from "../../base/lookup-table.ts";
import type { NodeSelectorTerm } from "./types.generated.ts";

type Warnings = readonly string[];

const oldNodeLabels: Readonly<Record<string, string>> = lookupTable({
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region":
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone":
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type":
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
});

/** What to use instead of the label; undefined: it has no newer name. */
export function oldLabelMessage(key: string): string | undefined {
  return oldNodeLabels[key];
}

export function oldLabelWarning(path: string, key: string): Warnings {
  const message = oldNodeLabels[key];
  return message === undefined ? [] : [`${path}: ${key} is ${message}`];
}

export function nodeTermWarnings(path: string, { matchExpressions = [] }: NodeSelectorTerm): Warnings {
  return matchExpressions.flatMap(({ key }, index) =>
    oldLabelWarning(`${field.at(field.child(path, "matchExpressions"), index)}.key`, key),
  );
}

export function nodeSelectorWarnings(path: string, terms: readonly NodeSelectorTerm[] = []): Warnings {
  return terms.flatMap((term, index) => nodeTermWarnings(field.at(path, index), term));
}
