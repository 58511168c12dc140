/** Between autoscaling/v2, in which autoscalers are stored, and v1, which knows of CPU utilization only. */

import { normalize } from "../../apimachinery/schema/normalize.ts";
import { ShapeError } from "../../apimachinery/schema/shape-error.ts";
import { schemas } from "../schemas.ts";
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
  MetricStatus,
} from "./types.generated.ts";
import type { HorizontalPodAutoscaler as AutoscalerV1 } from "./types.v1.generated.ts";
import { behaviorFromV1, behaviorToV1, isMetric, metricFromV1, specToV1, statusToV1 } from "./v1-metrics.ts";

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
  const { metrics: others = [], behavior } = fitting<HorizontalPodAutoscalerSpec>(
    "HorizontalPodAutoscalerSpec",
    {
      metrics: metricsOf(annotations[metricsAnnotation], "target"),
      behavior: behaviorFromV1(readAnnotation(annotations[behaviorAnnotation])),
    },
  );
  const metrics: MetricSpec[] = [...others];
  if (target !== undefined)
    metrics.push({
      type: "Resource",
      resource: { name: "cpu", target: { type: "Utilization", averageUtilization: target } },
    });
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
  const { currentMetrics: kept, conditions } = fitting<HorizontalPodAutoscalerStatus>(
    "HorizontalPodAutoscalerStatus",
    {
      currentMetrics: metricsOf(annotations[currentMetricsAnnotation], "current"),
      conditions: readAnnotation(annotations[conditionsAnnotation]),
    },
  );
  const fromField: readonly MetricStatus[] =
    cpu === undefined
      ? []
      : [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: cpu } } }];
  const currentMetrics = kept ?? fromField;
  return {
    ...status,
    ...(currentMetrics.length === 0 ? {} : { currentMetrics }),
    ...(conditions === undefined ? {} : { conditions }),
  };
}

/** An annotation is anybody's to write: what cannot be read counts as absent. */
function readAnnotation(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function metricsOf(text: string | undefined, said: "target" | "current"): readonly object[] | undefined {
  const value = readAnnotation(text);
  return Array.isArray(value) && value.every(isMetric)
    ? value.map((each) => metricFromV1(each, said))
    : undefined;
}

/** Those of the members that are of the model's shape. */
function fitting<T extends object>(
  model: string,
  members: { readonly [Name in keyof T]?: unknown },
): Partial<T> {
  const table = schemas.model(`autoscaling.v2.${model}`);
  const fits = Object.entries(members).flatMap(([name, value]) => {
    if (value === undefined) return [];
    try {
      const member = normalize(table, { [name]: value }).object[name];
      return member === undefined ? [] : [[name, member]];
    } catch (error) {
      if (error instanceof ShapeError) return [];
      throw error;
    }
  });
  return Object.fromEntries(fits) as Partial<T>; // the table is of that type
}

function withoutOwnAnnotations(metadata: AutoscalerV1["metadata"]): AutoscalerV1["metadata"] {
  const { annotations, ...rest } = metadata;
  if (annotations === undefined) return metadata;
  const kept = Object.entries(annotations).filter(([key]) => !ownAnnotations.includes(key));
  return kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) };
}
