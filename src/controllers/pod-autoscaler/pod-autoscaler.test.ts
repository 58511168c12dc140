import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerStatus,
} from "../../api/autoscaling/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { deployments } from "../../api/resources.generated.ts";
import { failure } from "../../apimachinery/api-error.ts";
import type { Client } from "../../client/client.ts";
import { actions, ago, meta, now, nowMs, pod, writtenStatus } from "../test-support/objects.ts";
import { limit } from "./behavior.ts";
import { countForPods, countForTotal, MetricError, requestIn } from "./calculate.ts";
import { propose } from "./metrics.ts";
import { type AutoscalerSnapshot, type Proposal, reconcileAutoscaler } from "./reconcile.ts";

const requesting = (name: string, traits: Parameters<typeof pod>[1] = {}): Pod =>
  pod(name, {
    ready: true,
    spec: { containers: [{ name: "c", resources: { requests: { cpu: "100m" } } }] },
    status: {
      phase: "Running",
      startTime: ago(3600),
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: ago(3000) }],
    },
    ...traits,
  });

/** Pods named p0, p1, … that use so many millicores; undefined: nothing is known. */
function count(uses: readonly (number | undefined)[], options: { unready?: number; current?: number } = {}) {
  const { unready = 0, current = uses.length + unready } = options;
  const pods = uses.map((_, index) => requesting(`p${index}`));
  const starting = Array.from({ length: unready }, (_, index) =>
    requesting(`u${index}`, { status: { phase: "Pending" } }),
  );
  const metrics = new Map(
    uses.flatMap((milli, index) =>
      milli === undefined ? [] : [[`p${index}`, { milli, atMs: nowMs, windowMs: 30_000 }] as const],
    ),
  );
  return countForPods({
    pods: [...pods, ...starting],
    metrics,
    target: { type: "utilization", percent: 50 },
    isCpu: true,
    requestOf: requestIn("cpu"),
    currentReplicas: current,
    tolerance: 0.1,
    nowMs,
  }).replicas;
}

for (const { name, got, want } of [
  { name: "doubles where pods use twice the target", got: count([100, 100]), want: 4 },
  { name: "stays within a tenth of the target", got: count([54, 54]), want: 2 },
  { name: "halves where pods use half the target", got: count([25, 25, 25, 25]), want: 2 },
  {
    name: "takes silent pods to use nothing when more are wanted",
    got: count([100, 100, undefined]),
    want: 4,
  },
  { name: "takes silent pods to use all when fewer are wanted", got: count([10, undefined]), want: 2 },
  { name: "counts starting pods before it asks for more", got: count([100, 100], { unready: 2 }), want: 4 },
]) {
  test(`Autoscaler ${name}`, () => assert.equal(got, want));
}

test("Autoscaler cannot tell without any metric, and without requests", () => {
  assert.throws(() => count([undefined]), MetricError);
  assert.throws(() => count([]), MetricError);
  const [bare] = [
    pod("bare", {
      ready: true,
      status: {
        phase: "Running",
        startTime: ago(3600),
        conditions: [{ type: "Ready", status: "True", lastTransitionTime: ago(3000) }],
      },
    }),
  ];
  assert.equal(requestIn("cpu")(bare), undefined);
});

test("Autoscaler by a total: a queue of 40 with 10 for each pod wants 4", () => {
  assert.equal(countForTotal(40_000, { type: "average", milli: 10_000 }, 2, 2, 0.1).replicas, 4);
  assert.equal(countForTotal(200_000, { type: "value", milli: 100_000 }, 3, 3, 0.1).replicas, 6);
  assert.equal(countForTotal(102_000, { type: "value", milli: 100_000 }, 3, 3, 0.1).replicas, 3);
});

function autoscaler(behavior?: HorizontalPodAutoscalerBehavior): HorizontalPodAutoscaler {
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: meta("web"),
    spec: {
      minReplicas: 2,
      maxReplicas: 20,
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
        },
      ],
      ...(behavior === undefined ? {} : { behavior }),
    },
  };
}

const at = (secondsAgo: number, replicas: number) => ({ atMs: nowMs - secondsAgo * 1000, replicas });

for (const { name, behavior, current, wanted, recommendations = [], events = [], want } of [
  { name: "grows by at most as much again, or four", current: 5, wanted: 50, want: "10 rate" },
  { name: "of one pod grows by four", current: 1, wanted: 50, want: "5 rate" },
  {
    name: "counts what was added in the last 15 s",
    current: 8,
    wanted: 50,
    events: [{ atMs: nowMs - 5000, by: 4 }],
    want: "8 rate",
  },
  { name: "stops at its maximum", current: 15, wanted: 50, want: "20 max" },
  { name: "stops at its minimum", current: 3, wanted: 0, want: "2 min" },
  {
    name: "shrinks no lower than was right in the last five minutes",
    current: 10,
    wanted: 3,
    recommendations: [at(200, 8), at(400, 12)],
    want: "8 none stabilized",
  },
  {
    name: "shrinks when all agreed for five minutes",
    current: 10,
    wanted: 3,
    recommendations: [at(200, 3)],
    want: "3 none",
  },
  {
    name: "shrinks one pod a minute where told so",
    behavior: {
      scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: "Pods", value: 1, periodSeconds: 60 }] },
    },
    current: 10,
    wanted: 3,
    want: "9 rate",
  },
  {
    name: "does not shrink where that is disabled",
    behavior: { scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: "Disabled" } },
    current: 10,
    wanted: 3,
    want: "10 rate",
  },
  {
    name: "waits with growth where told so",
    behavior: { scaleUp: { stabilizationWindowSeconds: 60 } },
    current: 4,
    wanted: 8,
    recommendations: [at(30, 5)],
    want: "5 none stabilized",
  },
]) {
  test(`Autoscaler ${name}`, () => {
    const got = limit({ autoscaler: autoscaler(behavior), current, wanted, recommendations, events, nowMs });
    assert.equal(`${got.replicas} ${got.limit}${got.isStabilized ? " stabilized" : ""}`, want);
  });
}

const asks = (replicas: number): Proposal => ({
  replicas,
  name: "cpu resource utilization (percentage of request)",
  status: { type: "Resource" },
});
const silent: Proposal = { error: "no metrics API", reason: "FailedGetResourceMetric" };

function decide(current: number, proposals: readonly Proposal[], target?: AutoscalerSnapshot["target"]) {
  const type = deployments as never;
  const scale = {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: meta("web"),
    spec: { replicas: current },
  };
  return reconcileAutoscaler(
    {
      autoscaler: autoscaler(),
      target: target ?? { type, scale },
      proposals,
      recommendations: [],
      events: [],
    },
    now,
  );
}

const sync = "requeue after 15000 ms";

for (const { name, got, want } of [
  { name: "resizes its target", got: decide(2, [asks(4)]), want: ["update deployments default/web", sync] },
  { name: "follows the metric that asks for most", got: decide(4, [asks(3), asks(4)]), want: [sync] },
  {
    name: "brings its target within its bounds first",
    got: decide(50, []),
    want: ["update deployments default/web", sync],
  },
  { name: "leaves a target of no replicas alone", got: decide(0, [asks(4)]), want: [sync] },
  {
    name: "does not shrink while a metric is missing",
    got: decide(4, [asks(2), silent]),
    want: [
      "event Warning FailedGetResourceMetric: no metrics API",
      "event Warning FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 2), first error is: no metrics API",
      sync,
    ],
  },
  {
    name: "grows although a metric is missing",
    got: decide(4, [asks(6), silent]),
    want: ["update deployments default/web", sync],
  },
  {
    name: "says that its target is not there",
    got: decide(1, [], { error: "not found" }),
    want: ["event Warning FailedGetScale: not found", sync],
  },
]) {
  test(`Autoscaler ${name}`, () => assert.deepEqual(actions(got), want));
}

test("Autoscaler says that nobody serves metrics in a cluster without a metrics server", async () => {
  const missing = failure(404, "NotFound", "404 page not found");
  const proposal = await propose(
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
    {
      client: { raw: () => Promise.reject(missing) } as unknown as Client, // nothing else of it is called
      autoscaler: autoscaler(),
      pods: [],
      selector: "app=web",
      currentReplicas: 1,
      nowMs,
      resourceOf: () => Promise.resolve(undefined),
    },
  );
  assert.deepEqual(proposal, {
    reason: "FailedGetResourceMetric",
    error:
      "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
  });
});

test("Autoscaler says in its conditions what it does and why", () => {
  const status = writtenStatus<HorizontalPodAutoscalerStatus>(decide(2, [asks(4)]));
  assert.deepEqual(
    status?.conditions?.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`),
    [
      "AbleToScale True SucceededRescale",
      "ScalingActive True ValidMetricFound",
      "ScalingLimited False DesiredWithinRange",
    ],
  );
  assert.deepEqual([status?.currentReplicas, status?.desiredReplicas], [2, 4]);
});
