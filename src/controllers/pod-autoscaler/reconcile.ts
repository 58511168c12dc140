import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from "../../api/autoscaling/types.generated.ts";
import { horizontalPodAutoscalers } from "../../api/resources.generated.ts";
import type { AnyObject, ResourceType } from "../../apimachinery/meta.ts";
import { rfc3339 } from "../../base/clock.ts";
import { omitEmpty, withCondition } from "../framework/conditions.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { event, type Intent, requeueAfter, update, updateStatus } from "../framework/intent.ts";
import { type Limited, limit, type Recommendation, type ScaleEvent } from "./behavior.ts";

/** The target's /scale. */
export interface Scale extends AnyObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly replicas?: number; readonly selector?: string };
}

/** What one metric asks for, or why it cannot be told. */
export type Proposal =
  | { readonly replicas: number; readonly name: string; readonly status: MetricStatus }
  | { readonly error: string; readonly reason: string };

export interface AutoscalerSnapshot {
  readonly autoscaler: HorizontalPodAutoscaler;
  readonly target:
    | { readonly type: ResourceType<AnyObject>; readonly scale: Scale }
    | { readonly error: string };
  /** In the order of the spec's metrics. */
  readonly proposals: readonly Proposal[];
  readonly recommendations: readonly Recommendation[];
  readonly events: readonly ScaleEvent[];
}

/** Upstream's --horizontal-pod-autoscaler-sync-period. */
const syncPeriodMs = 15_000;

/** Decides the size of an autoscaler's target. */
export function reconcileAutoscaler(snapshot: AutoscalerSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { autoscaler, target } = snapshot;
  const draft = new StatusDraft(autoscaler, nowMs);
  if ("error" in target) {
    const message = `the HPA controller was unable to get the target's current scale: ${target.error}`;
    draft.say("AbleToScale", "False", "FailedGetScale", message);
    return [event(autoscaler, "Warning", "FailedGetScale", target.error), ...draft.write({})];
  }
  draft.say(
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
  );
  const current = target.scale.spec?.replicas ?? 0;
  const { minReplicas = 1, maxReplicas } = autoscaler.spec;
  if (current === 0 && minReplicas !== 0) {
    const message = "scaling is disabled since the replica count of the target is zero";
    draft.say("ScalingActive", "False", "ScalingDisabled", message);
    return draft.write({ currentReplicas: 0, desiredReplicas: 0 });
  }
  if (current > maxReplicas)
    return resize(snapshot, draft, maxReplicas, "Current number of replicas above Spec.MaxReplicas");
  if (current < minReplicas)
    return resize(snapshot, draft, minReplicas, "Current number of replicas below Spec.MinReplicas");
  return followMetrics(snapshot, draft, current, nowMs);
}

function followMetrics(
  snapshot: AutoscalerSnapshot,
  draft: StatusDraft,
  current: number,
  nowMs: number,
): Intent[] {
  const { autoscaler, proposals } = snapshot;
  const valid = proposals.filter((each) => "replicas" in each);
  const failures = proposals.filter((each) => "error" in each);
  const [failed] = failures;
  draft.metrics = valid.map(({ status }) => status);
  const highest = valid.toSorted((left, right) => right.replicas - left.replicas)[0];
  // With a metric missing the others may ask for more, not for less: the missing one might have asked for most.
  if (highest === undefined || (failed !== undefined && highest.replicas < current)) {
    const why = failed ?? { error: "no metrics", reason: "FailedGetMetrics" };
    const message = `the HPA was unable to compute the replica count: ${why.error}`;
    draft.say("ScalingActive", "False", why.reason, message);
    const counts = `${failures.length} invalid out of ${proposals.length}`;
    return [
      ...failures.map(({ reason, error }) => event(autoscaler, "Warning", reason, error)),
      event(
        autoscaler,
        "Warning",
        "FailedComputeMetricsReplicas",
        `invalid metrics (${counts}), first error is: ${why.error}`,
      ),
      ...draft.write({ currentReplicas: current }),
    ];
  }
  const found = `the HPA was able to successfully calculate a replica count from ${highest.name}`;
  draft.say("ScalingActive", "True", "ValidMetricFound", found);
  const limited = limit({ ...snapshot, current, wanted: highest.replicas, nowMs });
  sayLimits(draft, limited);
  const { replicas } = limited;
  if (replicas === current) return draft.write({ currentReplicas: current, desiredReplicas: current });
  const reason = replicas > current ? `${highest.name} above target` : "All metrics below target";
  return resize(snapshot, draft, replicas, reason);
}

function sayLimits(draft: StatusDraft, { isStabilized, limit: cut }: Limited): void {
  if (isStabilized) {
    const message =
      "recent recommendations were higher than current one, applying the highest recent recommendation";
    draft.say("AbleToScale", "True", "ScaleDownStabilized", message);
  } else draft.say("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size");
  const texts = {
    none: ["False", "DesiredWithinRange", "the desired count is within the acceptable range"],
    rate: [
      "True",
      "ScaleUpLimit",
      "the desired replica count is changing faster than the maximum scale rate",
    ],
    max: ["True", "TooManyReplicas", "the desired replica count is more than the maximum replica count"],
    min: ["True", "TooFewReplicas", "the desired replica count is less than the minimum replica count"],
  } as const;
  const [status, reason, message] = texts[cut];
  draft.say("ScalingLimited", status, reason, message);
}

function resize(
  snapshot: AutoscalerSnapshot,
  draft: StatusDraft,
  replicas: number,
  reason: string,
): Intent[] {
  const { autoscaler, target } = snapshot;
  if ("error" in target) return [];
  const { type, scale } = target;
  const current = scale.spec?.replicas ?? 0;
  const resized: Scale = { ...scale, spec: { ...scale.spec, replicas } };
  const message = `the HPA controller was able to update the target scale to ${replicas}`;
  draft.say("AbleToScale", "True", "SucceededRescale", message);
  const write = update<AnyObject>(type, scale, resized, {
    subresource: "scale",
    report: {
      regarding: autoscaler,
      succeeded: () => ({
        type: "Normal",
        reason: "SuccessfulRescale",
        message: `New size: ${replicas}; reason: ${reason}`,
      }),
      failed: (error) => ({
        type: "Warning",
        reason: "FailedRescale",
        message: `New size: ${replicas}; reason: ${reason}; error: ${error.message}`,
      }),
    },
  });
  return [write, ...draft.write({ currentReplicas: current, desiredReplicas: replicas, isScaled: true })];
}

/** The status as a sync leaves it. */
class StatusDraft {
  readonly #autoscaler: HorizontalPodAutoscaler;
  readonly #nowMs: number;
  #conditions: readonly HorizontalPodAutoscalerCondition[];
  metrics: readonly MetricStatus[] = [];

  constructor(autoscaler: HorizontalPodAutoscaler, nowMs: number) {
    this.#autoscaler = autoscaler;
    this.#nowMs = nowMs;
    this.#conditions = autoscaler.status?.conditions ?? [];
  }

  say(type: string, status: string, reason: string, message: string): void {
    this.#conditions = withCondition(this.#conditions, { type, status, reason, message }, this.#nowMs);
  }

  write(counts: {
    readonly currentReplicas?: number;
    readonly desiredReplicas?: number;
    readonly isScaled?: boolean;
  }): Intent[] {
    const { status: before, metadata } = this.#autoscaler;
    const { isScaled, ...numbers } = counts;
    const status = omitEmpty<HorizontalPodAutoscalerStatus>(
      {
        ...before,
        desiredReplicas: before?.desiredReplicas ?? 0,
        observedGeneration: metadata.generation ?? 0,
        ...numbers,
        ...(isScaled === true ? { lastScaleTime: rfc3339(this.#nowMs) } : {}),
        currentMetrics: this.metrics,
        conditions: this.#conditions,
      },
      ["desiredReplicas"],
    );
    return [
      updateStatus(horizontalPodAutoscalers, this.#autoscaler, status, {
        whenFailed: () => before ?? status,
      }),
      requeueAfter(syncPeriodMs),
    ];
  }
}
