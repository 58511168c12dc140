import type { Strategy } from "../definition.ts";
import { validateRuntimeClass, validateRuntimeClassUpdate } from "./runtime-class-validation.ts";
import type { RuntimeClass } from "./types.generated.ts";

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
  unconditionalUpdate: false,
};
