import type { Strategy } from "../definition.ts";
import type { ReplicaSet } from "./types.generated.ts";
import { defaultReplicaSet } from "./workload-defaults.ts";

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  defaults: defaultReplicaSet,
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0 } }),
};
