import type { Strategy } from "../definition.ts";
import type { HorizontalPodAutoscaler } from "./types.generated.ts";

export const horizontalPodAutoscalerStrategy: Strategy<HorizontalPodAutoscaler> = { generationFields: [] };
