/** Metrics and behavior as version 1 keeps them in annotations: upstream's shapes of before version 2. */
import type {
  HorizontalPodAutoscalerBehavior,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
} from "./types.generated.ts";

/** What a metric should be, and what it is: the names of version 1 begin with it. */
type Said = "target" | "current";

interface Values {
  readonly value?: string;
  readonly averageValue?: string;
  readonly averageUtilization?: number;
}

/** What a spec and a status of version 2 have alike. */
interface Metric<S extends Said> extends Pick<MetricSpec, "type"> {
  readonly object?: Omit<NonNullable<MetricStatus["object"]>, "current"> & Readonly<Record<S, Values>>;
  readonly pods?: Omit<NonNullable<MetricStatus["pods"]>, "current"> & Readonly<Record<S, Values>>;
  readonly resource?: Resource<S>;
  readonly containerResource?: Resource<S> & { readonly container: string };
  readonly external?: Omit<NonNullable<MetricStatus["external"]>, "current"> & Readonly<Record<S, Values>>;
}

type Resource<S extends Said> = { readonly name: string } & Readonly<Record<S, Values>>;

export const specToV1 = (spec: MetricSpec): object => toV1(spec, "target", undefined);
/** A status always has a value, where a spec may have none. */
export const statusToV1 = (status: MetricStatus): object => toV1(status, "current", "0");

/** JSON leaves out what is undefined. */
function toV1<S extends Said>(metric: Metric<S>, said: S, none: string | undefined): object {
  const { type, object, pods, resource, containerResource, external } = metric;
  const resourceToV1 = ({ name, [said]: values }: Resource<S>) => ({
    name,
    [`${said}AverageUtilization`]: values.averageUtilization,
    [`${said}AverageValue`]: values.averageValue ?? none,
  });
  return {
    type,
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      [`${said}Value`]: object[said].value ?? "0",
      selector: object.metric.selector,
      averageValue: object[said].averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      [`${said}AverageValue`]: pods[said].averageValue ?? "0",
      selector: pods.metric.selector,
    },
    resource: resource && resourceToV1(resource),
    containerResource: containerResource && {
      ...resourceToV1(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      [`${said}Value`]: external[said].value ?? none,
      [`${said}AverageValue`]: external[said].averageValue,
    },
  };
}

/** A part of what an annotation says, which is anybody's to write. */
type Part = Readonly<Record<string, unknown>>;

const sources = ["object", "pods", "resource", "containerResource", "external"] as const;

type MetricV1 = Part & { readonly [Source in (typeof sources)[number]]?: Part };

/** Whether this is as deep a metric as `metricFromV1` looks into. */
export function isMetric(value: unknown): value is MetricV1 {
  return isPart(value) && sources.every((source) => isPart(value[source] ?? {}));
}

const isPart = (value: unknown): value is Part =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The metric in the shape of version 2, as far as it has one: whoever calls this has it judged. */
export function metricFromV1(metric: MetricV1, said: Said): object {
  const { object, pods, resource, containerResource, external } = metric;
  const named = (part: Part, selector: unknown) => ({ name: part.metricName, selector });
  const value = (part: Part, name: "Value" | "AverageValue" | "AverageUtilization") => part[`${said}${name}`];
  const ofResource = (part: Part) => {
    const averageUtilization = value(part, "AverageUtilization");
    return {
      name: part.name,
      container: part.container,
      [said]: {
        type: averageUtilization === undefined ? "AverageValue" : "Utilization",
        averageUtilization,
        averageValue: value(part, "AverageValue"),
      },
    };
  };
  // What a metric is has no type in version 2, and no resource but a container's has a container: they are dropped there.
  return {
    type: metric.type,
    object: object && {
      describedObject: object.target,
      metric: named(object, object.selector),
      [said]: {
        type: object.averageValue === undefined ? "Value" : "AverageValue",
        value: isMeant(object, said) ? value(object, "Value") : undefined,
        averageValue: object.averageValue,
      },
    },
    pods: pods && {
      metric: named(pods, pods.selector),
      [said]: { type: "AverageValue", averageValue: value(pods, "AverageValue") },
    },
    resource: resource && ofResource(resource),
    containerResource: containerResource && ofResource(containerResource),
    external: external && {
      metric: named(external, external.metricSelector),
      [said]: {
        type: value(external, "Value") === undefined ? "AverageValue" : "Value",
        value: value(external, "Value"),
        averageValue: value(external, "AverageValue"),
      },
    },
  };
}

/** The old shape always has a value: in a spec, beside an average, none is meant by 0. */
function isMeant({ averageValue, targetValue }: Part, said: Said): boolean {
  return said === "current" || averageValue === undefined || targetValue !== "0";
}

/** Upstream writes the struct of its own that has no JSON names: Go's names, and null for what is not there. */
export function behaviorToV1({ scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior): object {
  const rules = (given: HPAScalingRules | undefined) =>
    given === undefined
      ? null
      : {
          StabilizationWindowSeconds: given.stabilizationWindowSeconds ?? null,
          SelectPolicy: given.selectPolicy ?? null,
          Policies:
            given.policies?.map(({ type, value, periodSeconds }) => ({
              Type: type,
              Value: value,
              PeriodSeconds: periodSeconds,
            })) ?? null,
          Tolerance: given.tolerance ?? null,
        };
  return { ScaleUp: rules(scaleUp), ScaleDown: rules(scaleDown) };
}

/** A behavior, its rules and their policies lie so deep. */
const behaviorDepth = 4;

/** Names in any case, as Go reads them. */
export function behaviorFromV1(value: unknown, depth = behaviorDepth): unknown {
  if (depth === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => behaviorFromV1(each, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      `${name.charAt(0).toLowerCase()}${name.slice(1)}`,
      behaviorFromV1(member, depth - 1),
    ]),
  );
}
