import type { Strategy } from "../definition.ts";
import type { DaemonSet } from "./types.generated.ts";

export const daemonSetStrategy: Strategy<DaemonSet> = {};
