import type { Plugin } from "../framework/plugin.ts";
import { success, unresolvable } from "../framework/status.ts";

/** Keeps pods out of the queue as long as someone holds a gate closed (KEP-3521). */
export const schedulingGates: Plugin = {
  name: "SchedulingGates",
  requeueOn: [{ resource: "target", action: "gates-eliminated" }],
  preEnqueue({ pod }) {
    const gates = pod.spec.schedulingGates ?? [];
    if (gates.length === 0) return success;
    return unresolvable(`waiting for scheduling gates: [${gates.map(({ name }) => name).join(" ")}]`);
  },
};
