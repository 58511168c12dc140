import type { Strategy } from "../definition.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "./types.generated.ts";

export const flowSchemaStrategy: Strategy<FlowSchema> = { unconditionalUpdate: false };
export const priorityLevelStrategy: Strategy<PriorityLevelConfiguration> = { unconditionalUpdate: false };
