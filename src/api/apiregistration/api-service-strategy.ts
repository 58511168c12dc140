import type { Strategy } from "../definition.ts";
import type { APIService } from "./types.generated.ts";

export const apiServiceStrategy: Strategy<APIService> = { unconditionalUpdate: false };
