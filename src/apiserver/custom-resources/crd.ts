import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
} from "../../api/apiextensions/types.generated.ts";

/** Facts about CustomResourceDefinitions that several parts ask for. */

export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

export type Condition = CustomResourceDefinitionCondition;

export function conditionOf(crd: CustomResourceDefinition, type: string): Condition | undefined {
  return crd.status?.conditions?.find((condition) => condition.type === type);
}

export function isTrue(crd: CustomResourceDefinition, type: string): boolean {
  return conditionOf(crd, type)?.status === "True";
}

/** The conditions with one of them set; its transition time moves with its status only. */
export function withCondition(
  conditions: readonly Condition[],
  condition: Omit<Condition, "lastTransitionTime">,
  now: string,
): readonly Condition[] {
  const old = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime = old?.status === condition.status ? (old.lastTransitionTime ?? now) : now;
  const changed = { ...condition, lastTransitionTime };
  return old === undefined
    ? [...conditions, changed]
    : conditions.map((each) => (each === old ? changed : each));
}
