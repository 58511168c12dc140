import type { Strategy } from "../definition.ts";
import type { RuntimeClass } from "./types.generated.ts";

export const runtimeClassStrategy: Strategy<RuntimeClass> = { unconditionalUpdate: false };
