import { oldLabelMessage } from "../core/node-label-warnings.ts";
import type { Strategy } from "../definition.ts";
import { validateRuntimeClass, validateRuntimeClassUpdate } from "./runtime-class-validation.ts";
import type { RuntimeClass } from "./types.generated.ts";

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
  warnings: ({ scheduling }) =>
    Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => {
      const message = oldLabelMessage(key);
      return message === undefined ? [] : [`scheduling.nodeSelector: ${message}`];
    }),
  unconditionalUpdate: false,
};
