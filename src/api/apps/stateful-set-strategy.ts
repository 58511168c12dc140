import type { Strategy } from "../definition.ts";
import type { StatefulSet } from "./types.generated.ts";
import { defaultStatefulSet } from "./workload-defaults.ts";

export const statefulSetStrategy: Strategy<StatefulSet> = {
  defaults: defaultStatefulSet,
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0, availableReplicas: 0 } }),
};
