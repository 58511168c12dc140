import type { Strategy } from "../definition.ts";
import type { StatefulSet } from "./types.generated.ts";

export const statefulSetStrategy: Strategy<StatefulSet> = {};
