import type { Strategy } from "../definition.ts";
import { defaultAutoscaler } from "./autoscaler-defaults.ts";
import type { HorizontalPodAutoscaler } from "./types.generated.ts";

export const horizontalPodAutoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  generationFields: [],
  defaults: defaultAutoscaler,
  prepareForCreate: (object) => ({ ...object, status: { desiredReplicas: 0, currentReplicas: 0 } }),
};
