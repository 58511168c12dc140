import type { Strategy } from "../definition.ts";
import type { DaemonSet, DaemonSetStatus } from "./types.generated.ts";
import { defaultDaemonSet } from "./workload-defaults.ts";

const initialStatus: DaemonSetStatus = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
};

export const daemonSetStrategy: Strategy<DaemonSet> = {
  defaults: defaultDaemonSet,
  prepareForCreate: (object) => ({ ...object, status: initialStatus }),
};
