import type { HorizontalPodAutoscaler, HPAScalingRules } from "../../api/autoscaling/types.generated.ts";

/** What was recommended when; the memory of one autoscaler. */
export interface Recommendation {
  readonly atMs: number;
  readonly replicas: number;
}

/** A change of size that was made; `by` is how many pods came (or went, where negative). */
export interface ScaleEvent {
  readonly atMs: number;
  readonly by: number;
}

export interface LimitInput {
  readonly autoscaler: HorizontalPodAutoscaler;
  readonly current: number;
  readonly wanted: number;
  readonly recommendations: readonly Recommendation[];
  readonly events: readonly ScaleEvent[];
  readonly nowMs: number;
}

/** What is left of a wish after its limits, and which limit cut it. */
export interface Limited {
  readonly replicas: number;
  readonly isStabilized: boolean;
  readonly limit: "none" | "rate" | "max" | "min";
}

const defaultUp: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};

const defaultDown: HPAScalingRules = {
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};

/** Upstream's --horizontal-pod-autoscaler-downscale-stabilization. */
const downStabilizationSeconds = 300;

/** The longest memory any rule may ask for. */
export const longestWindowMs = 3600_000;

/** Applies stabilization, then the rates of `behavior`, then the bounds of the spec. */
export function limit(input: LimitInput): Limited {
  const { autoscaler, current, wanted } = input;
  const { maxReplicas, minReplicas = 1, behavior } = autoscaler.spec;
  const up = { ...defaultUp, ...behavior?.scaleUp };
  const down = { ...defaultDown, ...behavior?.scaleDown };
  const stable = stabilize(input, up, down);
  const isStabilized = stable !== wanted;
  const done = (replicas: number, cut: Limited["limit"]): Limited => ({ replicas, isStabilized, limit: cut });
  if (stable > current) {
    const most = Math.max(current, mostAfter(input, up));
    const bound = Math.min(most, maxReplicas);
    return stable > bound ? done(bound, most < maxReplicas ? "rate" : "max") : done(stable, "none");
  }
  if (stable < current) {
    const fewest = Math.min(current, fewestAfter(input, down));
    const bound = Math.max(fewest, minReplicas);
    return stable < bound ? done(bound, fewest > minReplicas ? "rate" : "min") : done(stable, "none");
  }
  if (stable > maxReplicas) return done(maxReplicas, "max");
  return stable < minReplicas ? done(minReplicas, "min") : done(stable, "none");
}

/** Goes no lower than the highest, and no higher than the lowest, of what was recommended within the windows. */
function stabilize(
  { wanted, current, recommendations, nowMs }: LimitInput,
  up: HPAScalingRules,
  down: HPAScalingRules,
): number {
  const within = (seconds: number) =>
    recommendations.filter(({ atMs }) => atMs > nowMs - seconds * 1000).map(({ replicas }) => replicas);
  const ceiling = Math.min(wanted, ...within(up.stabilizationWindowSeconds ?? 0));
  const floor = Math.max(wanted, ...within(down.stabilizationWindowSeconds ?? downStabilizationSeconds));
  return Math.min(Math.max(current, ceiling), floor);
}

function mostAfter(
  { current, events, nowMs }: LimitInput,
  { policies = [], selectPolicy }: HPAScalingRules,
): number {
  if (selectPolicy === "Disabled") return current;
  const proposals = policies.map(({ type, value, periodSeconds }) => {
    const added = changes(events, nowMs, periodSeconds, 1);
    const start = current - added;
    return type === "Pods" ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return selectPolicy === "Min" ? Math.min(...proposals) : Math.max(...proposals);
}

function fewestAfter(
  { current, events, nowMs }: LimitInput,
  { policies = [], selectPolicy }: HPAScalingRules,
): number {
  if (selectPolicy === "Disabled") return current;
  const proposals = policies.map(({ type, value, periodSeconds }) => {
    const removed = changes(events, nowMs, periodSeconds, -1);
    const start = current + removed;
    return type === "Pods" ? start - value : Math.floor(start * (1 - value / 100));
  });
  return selectPolicy === "Min" ? Math.max(...proposals) : Math.min(...proposals);
}

function changes(events: readonly ScaleEvent[], nowMs: number, periodSeconds: number, sign: 1 | -1): number {
  return events
    .filter(({ atMs, by }) => atMs > nowMs - periodSeconds * 1000 && Math.sign(by) === sign)
    .reduce((total, { by }) => total + Math.abs(by), 0);
}
