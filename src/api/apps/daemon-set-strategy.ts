import { templateWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import type { DaemonSet, DaemonSetStatus } from "./types.generated.ts";
import { defaultDaemonSet } from "./workload-defaults.ts";
import {
  validateDaemonSet,
  validateDaemonSetStatusUpdate,
  validateDaemonSetUpdate,
} from "./workload-validation.ts";

const initialStatus: DaemonSetStatus = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
};

export const daemonSetStrategy: Strategy<DaemonSet> = {
  defaults: defaultDaemonSet,
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
  validateStatusUpdate: validateDaemonSetStatusUpdate,
  warnings: (object, old) => templateWarnings("spec.template", object.spec.template, object, old),
  prepareForCreate: (object) => ({ ...object, status: initialStatus }),
};
