import type {
  HorizontalPodAutoscaler,
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from "../../api/autoscaling/types.generated.ts";
import { isPodReady } from "../../api/core/pod-conditions.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { formatLabelSelector, requirementsOf } from "../../apimachinery/label-selector.ts";
import { formatQuantity, parseQuantity, quantityMilliValue } from "../../apimachinery/quantity.ts";
import type { Client } from "../../client/client.ts";
import {
  countForPods,
  countForTotal,
  type PodMetric,
  type PodMetrics,
  type PodTarget,
  requestIn,
} from "./calculate.ts";
import type { Proposal } from "./reconcile.ts";

export interface MetricContext {
  readonly client: Client;
  readonly autoscaler: HorizontalPodAutoscaler;
  /** Those the target's selector selects. */
  readonly pods: readonly Pod[];
  readonly selector: string;
  readonly currentReplicas: number;
  readonly nowMs: number;
  /** The plural of a kind, for metrics of objects. */
  readonly resourceOf: (kind: string, apiVersion: string | undefined) => Promise<string | undefined>;
}

/** Within a tenth of the target nothing is done. */
const tolerance = 0.1;

const reasons: Readonly<Record<string, string>> = {
  Resource: "FailedGetResourceMetric",
  ContainerResource: "FailedGetContainerResourceMetric",
  Pods: "FailedGetPodsMetric",
  Object: "FailedGetObjectMetric",
  External: "FailedGetExternalMetric",
};

/** Reads one metric and works out what it asks for. */
export async function propose(spec: MetricSpec, context: MetricContext): Promise<Proposal> {
  try {
    return await proposeFrom(spec, context);
  } catch (error) {
    return { error: messageOf(error), reason: reasons[spec.type] ?? "InvalidMetricSourceType" };
  }
}

function proposeFrom(spec: MetricSpec, context: MetricContext): Promise<Proposal> {
  if (spec.resource !== undefined) return fromResource(spec.resource, undefined, context);
  if (spec.containerResource !== undefined) {
    return fromResource(spec.containerResource, spec.containerResource.container, context);
  }
  if (spec.pods !== undefined) return fromPods(spec.pods, context);
  if (spec.object !== undefined) return fromObject(spec.object, context);
  if (spec.external !== undefined) return fromExternal(spec.external, context);
  return Promise.reject(new Error(`unknown metric source type ${JSON.stringify(spec.type)}`));
}

interface ResourceUsage {
  readonly metadata: { readonly name: string };
  readonly timestamp: string;
  readonly window?: string;
  readonly containers?: readonly {
    readonly name: string;
    readonly usage: Readonly<Record<string, string>>;
  }[];
}

async function fromResource(
  { name, target }: { readonly name: string; readonly target: MetricTarget },
  container: string | undefined,
  context: MetricContext,
): Promise<Proposal> {
  const items = await readUsages(context).catch((error: unknown) => {
    const what = `${name} ${target.averageUtilization === undefined ? "usage" : "utilization"}`;
    const where = `unable to get metrics for resource ${name}: unable to fetch metrics from resource metrics API`;
    throw new Error(`failed to get ${what}: ${where}: ${reasonOf(error)}`);
  });
  const metrics = new Map(items.flatMap((item) => readUsage(item, name, container)));
  const podTarget: PodTarget =
    target.averageUtilization === undefined
      ? { type: "average", milli: milliOf(target.averageValue) }
      : { type: "utilization", percent: target.averageUtilization };
  const count = countPods(metrics, podTarget, name === "cpu", requestIn(name, container), context);
  const current = {
    ...(count.utilization === undefined ? {} : { averageUtilization: count.utilization }),
    averageValue: quantityText(count.averageMilli),
  };
  const status: MetricStatus =
    container === undefined
      ? { type: "Resource", resource: { name, current } }
      : { type: "ContainerResource", containerResource: { name, container, current } };
  const what = container === undefined ? "resource" : "container resource";
  const suffix = podTarget.type === "utilization" ? " utilization (percentage of request)" : "";
  return { replicas: count.replicas, name: `${name} ${what}${suffix}`, status };
}

async function readUsages({
  client,
  autoscaler,
  selector,
}: MetricContext): Promise<readonly ResourceUsage[]> {
  const query = selector === "" ? "" : `?labelSelector=${encodeURIComponent(selector)}`;
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${autoscaler.metadata.namespace}/pods${query}`;
  const { items = [] } = (await client.raw(path)) as { readonly items?: readonly ResourceUsage[] }; // PodMetricsList
  return items;
}

/** Why there are no metrics; in a cluster without a metrics server as client-go says that nobody serves them. */
function reasonOf(error: unknown): string {
  if (isApiError(error, "NotFound"))
    return "the server could not find the requested resource (get pods.metrics.k8s.io)";
  return messageOf(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function readUsage(
  item: ResourceUsage,
  resource: string,
  container: string | undefined,
): [string, PodMetric][] {
  const counted = (item.containers ?? []).filter(({ name }) => container === undefined || name === container);
  if (counted.length === 0 || counted.some(({ usage }) => usage[resource] === undefined)) return [];
  const milli = counted.reduce((total, { usage }) => total + milliOf(usage[resource]), 0);
  return [
    [
      item.metadata.name,
      { milli, atMs: Date.parse(item.timestamp), windowMs: secondsOf(item.window) * 1000 },
    ],
  ];
}

function secondsOf(duration = "60s"): number {
  const [, minutes = "0", seconds = "0"] = /^(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(duration) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}

function countPods(
  metrics: PodMetrics,
  target: PodTarget,
  isCpu: boolean,
  requestOf: (pod: Pod) => number | undefined,
  { pods, currentReplicas, nowMs }: MetricContext,
) {
  return countForPods({ pods, metrics, target, isCpu, requestOf, currentReplicas, tolerance, nowMs });
}

interface CustomValue {
  readonly describedObject?: { readonly name?: string };
  readonly timestamp?: string;
  readonly value: string;
}

async function readCustom(context: MetricContext, place: string, metric: MetricIdentifier, query: string[]) {
  const { namespace } = context.autoscaler.metadata;
  const selector = selectorText(metric);
  const parts = selector === "" ? query : [...query, `metricLabelSelector=${encodeURIComponent(selector)}`];
  const suffix = parts.length === 0 ? "" : `?${parts.join("&")}`;
  const path = `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${namespace}/${place}/${metric.name}${suffix}`;
  const { items = [] } = (await context.client.raw(path)) as { readonly items?: readonly CustomValue[] }; // MetricValueList
  return items;
}

function selectorText({ selector }: MetricIdentifier): string {
  return selector === undefined ? "" : formatLabelSelector(requirementsOf(selector) ?? []);
}

async function fromPods(
  { metric, target }: { readonly metric: MetricIdentifier; readonly target: MetricTarget },
  context: MetricContext,
): Promise<Proposal> {
  const items = await readCustom(context, "pods/*", metric, [
    `labelSelector=${encodeURIComponent(context.selector)}`,
  ]);
  const metrics = new Map(
    items.map(({ describedObject, value, timestamp }) => [
      describedObject?.name ?? "",
      { milli: milliOf(value), atMs: timestamp ? Date.parse(timestamp) : context.nowMs, windowMs: 0 },
    ]),
  );
  const podTarget: PodTarget = { type: "average", milli: milliOf(target.averageValue) };
  const count = countPods(metrics, podTarget, false, () => undefined, context);
  const current = { averageValue: quantityText(count.averageMilli) };
  return {
    replicas: count.replicas,
    name: `pods metric ${metric.name}`,
    status: { type: "Pods", pods: { metric, current } },
  };
}

async function fromObject(
  source: NonNullable<MetricSpec["object"]>,
  context: MetricContext,
): Promise<Proposal> {
  const { describedObject, metric, target } = source;
  const resource = await context.resourceOf(describedObject.kind, describedObject.apiVersion);
  if (resource === undefined) throw new Error(`no resource is known for kind ${describedObject.kind}`);
  const [item] = await readCustom(context, `${resource}/${describedObject.name}`, metric, []);
  if (item === undefined) throw new Error(`no value of ${metric.name} for ${describedObject.name}`);
  const { replicas, current } = fromTotal(milliOf(item.value), target, context);
  const status: MetricStatus = { type: "Object", object: { describedObject, metric, current } };
  return { replicas, name: `${describedObject.kind} metric ${metric.name}`, status };
}

async function fromExternal(
  { metric, target }: NonNullable<MetricSpec["external"]>,
  context: MetricContext,
): Promise<Proposal> {
  const { namespace } = context.autoscaler.metadata;
  const selector = selectorText(metric);
  const query = selector === "" ? "" : `?labelSelector=${encodeURIComponent(selector)}`;
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${metric.name}${query}`;
  const { items = [] } = (await context.client.raw(path)) as { readonly items?: readonly CustomValue[] }; // ExternalMetricValueList
  if (items.length === 0) throw new Error(`no value of external metric ${metric.name}`);
  const total = items.reduce((sum, { value }) => sum + milliOf(value), 0);
  const { replicas, current } = fromTotal(total, target, context);
  const labels = JSON.stringify(metric.selector ?? null);
  return {
    replicas,
    name: `external metric ${metric.name}(${labels})`,
    status: { type: "External", external: { metric, current } },
  };
}

function fromTotal(totalMilli: number, target: MetricTarget, { pods, currentReplicas }: MetricContext) {
  const isAverage = target.averageValue !== undefined;
  const milli = milliOf(isAverage ? target.averageValue : target.value);
  const readyReplicas = pods.filter(isPodReady).length;
  const wanted = { type: isAverage ? "average" : "value", milli } as const;
  const { replicas, averageMilli } = countForTotal(
    totalMilli,
    wanted,
    readyReplicas,
    currentReplicas,
    tolerance,
  );
  const current = isAverage
    ? { averageValue: quantityText(averageMilli) }
    : { value: quantityText(totalMilli) };
  return { replicas, current };
}

function milliOf(quantity: string | undefined): number {
  if (quantity === undefined) throw new Error("the metric's target names no value");
  return quantityMilliValue(parseQuantity(quantity));
}

function quantityText(milli: number): string {
  return formatQuantity(parseQuantity(`${Math.round(milli)}m`));
}
