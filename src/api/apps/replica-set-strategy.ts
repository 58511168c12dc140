import { workloadWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import type { ReplicaSet } from "./types.generated.ts";
import { defaultReplicaSet } from "./workload-defaults.ts";
import {
  validateReplicaSet,
  validateReplicaSetStatusUpdate,
  validateReplicaSetUpdate,
} from "./workload-validation.ts";

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  defaults: defaultReplicaSet,
  validate: validateReplicaSet,
  validateUpdate: validateReplicaSetUpdate,
  validateStatusUpdate: validateReplicaSetStatusUpdate,
  warnings: (object, old) => workloadWarnings("spec.template", object.spec.template, object, old),
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0 } }),
};
