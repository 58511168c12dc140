import type { Strategy } from "../definition.ts";
import { fillAbsent } from "../fill.ts";
import type { PriorityClass } from "./types.generated.ts";

export const priorityClassStrategy: Strategy<PriorityClass> = {
  generationFields: ["value"],
  defaults: (object) => fillAbsent(object, { value: 0, preemptionPolicy: "PreemptLowerPriority" }),
};
