import type { Strategy } from "../definition.ts";
import type { PriorityClass } from "./types.generated.ts";

export const priorityClassStrategy: Strategy<PriorityClass> = { generationFields: ["value"] };
