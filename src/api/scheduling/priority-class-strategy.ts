import type { Strategy } from "../definition.ts";
import { fillAbsent } from "../fill.ts";
import { validatePriorityClass, validatePriorityClassUpdate } from "./priority-class-validation.ts";
import type { PriorityClass } from "./types.generated.ts";

export const priorityClassStrategy: Strategy<PriorityClass> = {
  validate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
  generationFields: ["value"],
  defaults: (object) => fillAbsent(object, { value: 0, preemptionPolicy: "PreemptLowerPriority" }),
};
