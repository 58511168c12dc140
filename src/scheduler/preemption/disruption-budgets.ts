import type { PodDisruptionBudget } from "../../api/policy/types.generated.ts";
import { type LabelRequirements, matchesLabels, requirementsOf } from "../../apimachinery/label-selector.ts";
import { isEmptySelector } from "../../apimachinery/labels.ts";
import type { PodInfo } from "../cache/pod-info.ts";

interface Budget {
  readonly namespace: string;
  readonly selector: LabelRequirements;
  readonly disrupted: ReadonlySet<string>;
  left: number;
}

/** Splits pods, in this order, into those whose eviction would break a budget and the others. */
export function splitByBudgets(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly PodInfo[]; readonly others: readonly PodInfo[] } {
  if (budgets.length === 0) return { violating: [], others: pods };
  const known = budgets.map(budgetOf).filter((budget) => budget !== undefined);
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) (charge(pod, known) ? violating : others).push(pod);
  return { violating, others };
}

/** Takes the pod from every budget that covers it; true where one has nothing left. */
function charge({ pod, namespace }: PodInfo, budgets: readonly Budget[]): boolean {
  const { labels, name = "" } = pod.metadata;
  // A pod without labels is covered by none.
  if (labels === undefined || Object.keys(labels).length === 0) return false;
  let violates = false;
  for (const budget of budgets) {
    if (budget.namespace !== namespace || !matchesLabels(budget.selector, labels)) continue;
    // Its eviction is under way and counted already.
    if (budget.disrupted.has(name)) continue;
    if (--budget.left < 0) violates = true;
  }
  return violates;
}

function budgetOf({ metadata, spec, status }: PodDisruptionBudget): Budget | undefined {
  const selector = requirementsOf(spec?.selector);
  if (selector === undefined || isEmptySelector(spec?.selector)) return undefined;
  return {
    namespace: metadata.namespace ?? "",
    selector,
    disrupted: new Set(Object.keys(status?.disruptedPods ?? {})),
    left: status?.disruptionsAllowed ?? 0,
  };
}
