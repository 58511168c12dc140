import type { Strategy } from "../definition.ts";
import {
  validateDisruptionBudget,
  validateDisruptionBudgetStatus,
} from "./pod-disruption-budget-validation.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "./types.generated.ts";

/** Nothing may be disrupted until the controller has looked. */
const initialStatus: PodDisruptionBudgetStatus = {
  disruptionsAllowed: 0,
  currentHealthy: 0,
  desiredHealthy: 0,
  expectedPods: 0,
};

export const podDisruptionBudgetStrategy: Strategy<PodDisruptionBudget> = {
  validate: validateDisruptionBudget,
  validateUpdate: validateDisruptionBudget,
  validateStatusUpdate: validateDisruptionBudgetStatus,
  unconditionalUpdate: false,
  defaults: (budget) => ({ ...budget, spec: budget.spec ?? {}, status: budget.status ?? initialStatus }),
  prepareForCreate: (budget) => ({ ...budget, status: initialStatus }),
};
