/** Between autoscaling/v2, in which autoscalers are stored, and v1, which knows of CPU utilization only. */
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
  MetricStatus,
} from "./types.generated.ts";
import type { HorizontalPodAutoscaler as AutoscalerV1 } from "./types.v1.generated.ts";
import {
  behaviorFromV1,
  behaviorToV1,
  statusFromV1 as metricStatusFromV1,
  specFromV1,
  specToV1,
  statusToV1,
} from "./v1-metrics.ts";

// What v1 has no field for travels in annotations, so that a round trip loses nothing.
const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
const currentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
const ownAnnotations = [
  metricsAnnotation,
  currentMetricsAnnotation,
  conditionsAnnotation,
  behaviorAnnotation,
];

/** To the shape of `version`, from the other one. */
export function convertAutoscaler(object: HorizontalPodAutoscaler, version: string): HorizontalPodAutoscaler {
  if (version === "v1")
    // The definition's type is that of the stored version; the registry only encodes what comes out here.
    return object.apiVersion === "autoscaling/v1"
      ? object
      : (toV1(object) as unknown as HorizontalPodAutoscaler);
  return object.apiVersion === "autoscaling/v1" ? fromV1(object as unknown as AutoscalerV1) : object;
}

/** The one metric that v1 has a field for. */
function isCpuUtilization(metric: {
  readonly type: string;
  readonly resource?: { readonly name: string };
}): boolean {
  return metric.type === "Resource" && metric.resource?.name === "cpu";
}

function toV1(object: HorizontalPodAutoscaler): AutoscalerV1 {
  const { metrics = [], behavior, ...spec } = object.spec;
  const cpu = metrics.find(
    (metric) => isCpuUtilization(metric) && metric.resource?.target.type === "Utilization",
  );
  const others = metrics.filter((metric) => metric !== cpu);
  const { currentMetrics = [], conditions = [], ...status } = object.status ?? { desiredReplicas: 0 };
  const currentCpu = currentMetrics.find(isCpuUtilization)?.resource?.current.averageUtilization;
  const annotations: Record<string, string> = { ...object.metadata.annotations };
  if (others.length > 0) annotations[metricsAnnotation] = JSON.stringify(others.map(specToV1));
  if (currentMetrics.length > 0)
    annotations[currentMetricsAnnotation] = JSON.stringify(currentMetrics.map(statusToV1));
  if (conditions.length > 0) annotations[conditionsAnnotation] = JSON.stringify(conditions);
  if (behavior !== undefined) annotations[behaviorAnnotation] = JSON.stringify(behaviorToV1(behavior));
  const target = cpu?.resource?.target.averageUtilization;
  return {
    apiVersion: "autoscaling/v1",
    kind: object.kind,
    metadata: Object.keys(annotations).length === 0 ? object.metadata : { ...object.metadata, annotations },
    spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: {
      ...status,
      currentReplicas: status.currentReplicas ?? 0,
      ...(currentCpu === undefined ? {} : { currentCPUUtilizationPercentage: currentCpu }),
    },
  };
}

function fromV1(object: AutoscalerV1): HorizontalPodAutoscaler {
  const { targetCPUUtilizationPercentage: target, ...spec } = object.spec ?? {};
  const annotations = object.metadata.annotations ?? {};
  const others = readList<Parameters<typeof specFromV1>[0]>(annotations[metricsAnnotation]) ?? [];
  const metrics: MetricSpec[] = others.map(specFromV1);
  if (target !== undefined)
    metrics.push({
      type: "Resource",
      resource: { name: "cpu", target: { type: "Utilization", averageUtilization: target } },
    });
  const behavior = behaviorFromV1(
    readAnnotation(annotations[behaviorAnnotation]),
  ) as HorizontalPodAutoscalerSpec["behavior"]; // validated as part of the object
  return {
    apiVersion: "autoscaling/v2",
    kind: object.kind,
    metadata: withoutOwnAnnotations(object.metadata),
    spec: {
      ...spec,
      ...(metrics.length === 0 ? {} : { metrics }),
      ...(behavior === undefined ? {} : { behavior }),
    },
    ...(object.status === undefined ? {} : { status: statusFromV1(object.status, annotations) }),
  };
}

function statusFromV1(
  { currentCPUUtilizationPercentage: cpu, ...status }: NonNullable<AutoscalerV1["status"]>,
  annotations: Readonly<Record<string, string>>,
): HorizontalPodAutoscalerStatus {
  const kept = readList<Parameters<typeof metricStatusFromV1>[0]>(annotations[currentMetricsAnnotation])?.map(
    metricStatusFromV1,
  );
  const fromField: readonly MetricStatus[] =
    cpu === undefined
      ? []
      : [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: cpu } } }];
  const currentMetrics = kept ?? fromField;
  const conditions = readList<HorizontalPodAutoscalerCondition>(annotations[conditionsAnnotation]);
  return {
    ...status,
    ...(currentMetrics.length === 0 ? {} : { currentMetrics }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

/** An annotation is anybody's to write: what cannot be read counts as absent. */
function readAnnotation<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as T) : undefined; // validated as part of the object
  } catch {
    return undefined;
  }
}

function readList<T extends object>(text: string | undefined): readonly T[] | undefined {
  const value = readAnnotation<readonly T[]>(text);
  const isList = Array.isArray(value) && value.every((each) => typeof each === "object" && each !== null);
  return isList ? value : undefined;
}

function withoutOwnAnnotations(metadata: AutoscalerV1["metadata"]): AutoscalerV1["metadata"] {
  const { annotations, ...rest } = metadata;
  if (annotations === undefined) return metadata;
  const kept = Object.entries(annotations).filter(([key]) => !ownAnnotations.includes(key));
  return kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) };
}
