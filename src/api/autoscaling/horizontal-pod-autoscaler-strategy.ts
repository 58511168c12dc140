import type { Strategy } from "../definition.ts";
import { defaultAutoscaler } from "./autoscaler-defaults.ts";
import { validateAutoscaler, validateAutoscalerStatus } from "./autoscaler-validation.ts";
import type { HorizontalPodAutoscaler } from "./types.generated.ts";

export const horizontalPodAutoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  validate: (object) => validateAutoscaler(object),
  validateUpdate: validateAutoscaler,
  validateStatusUpdate: validateAutoscalerStatus,
  generationFields: [],
  defaults: defaultAutoscaler,
  prepareForCreate: (object) => ({ ...object, status: { desiredReplicas: 0 } }),
};
