import type { Strategy } from "../definition.ts";
import type { PodDisruptionBudget } from "./types.generated.ts";

export const podDisruptionBudgetStrategy: Strategy<PodDisruptionBudget> = { unconditionalUpdate: false };
