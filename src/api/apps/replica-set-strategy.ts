import type { Strategy } from "../definition.ts";
import type { ReplicaSet } from "./types.generated.ts";

export const replicaSetStrategy: Strategy<ReplicaSet> = {};
