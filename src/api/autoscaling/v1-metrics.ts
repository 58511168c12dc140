/** Metrics and behavior as version 1 keeps them in annotations: upstream's shapes of before version 2. */
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscalerBehavior,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from "./types.generated.ts";

type Selector = MetricIdentifier["selector"];

interface SpecV1 {
  readonly type: string;
  readonly object?: {
    readonly target: CrossVersionObjectReference;
    readonly metricName: string;
    readonly targetValue: string;
    readonly selector?: Selector;
    readonly averageValue?: string;
  };
  readonly pods?: {
    readonly metricName: string;
    readonly targetAverageValue: string;
    readonly selector?: Selector;
  };
  readonly resource?: ResourceSpecV1;
  readonly containerResource?: ResourceSpecV1 & { readonly container: string };
  readonly external?: {
    readonly metricName: string;
    readonly metricSelector?: Selector;
    readonly targetValue?: string;
    readonly targetAverageValue?: string;
  };
}

interface ResourceSpecV1 {
  readonly name: string;
  readonly targetAverageUtilization?: number;
  readonly targetAverageValue?: string;
}

interface StatusV1 {
  readonly type: string;
  readonly object?: {
    readonly target: CrossVersionObjectReference;
    readonly metricName: string;
    readonly currentValue: string;
    readonly selector?: Selector;
    readonly averageValue?: string;
  };
  readonly pods?: {
    readonly metricName: string;
    readonly currentAverageValue: string;
    readonly selector?: Selector;
  };
  readonly resource?: ResourceStatusV1;
  readonly containerResource?: ResourceStatusV1 & { readonly container: string };
  readonly external?: {
    readonly metricName: string;
    readonly metricSelector?: Selector;
    readonly currentValue: string;
    readonly currentAverageValue?: string;
  };
}

interface ResourceStatusV1 {
  readonly name: string;
  readonly currentAverageUtilization?: number;
  readonly currentAverageValue: string;
}

/** Without the members that are undefined: they would be told apart from absent ones. */
function present<T extends object>(value: { readonly [Name in keyof T]: T[Name] | undefined }): T {
  // What is undefined is absent now.
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

/** JSON leaves out what is undefined. */
export function specToV1({ type, object, pods, resource, containerResource, external }: MetricSpec): object {
  const resourceToV1 = ({ name, target }: { readonly name: string; readonly target: MetricTarget }) => ({
    name,
    targetAverageUtilization: target.averageUtilization,
    targetAverageValue: target.averageValue,
  });
  return {
    type,
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? "0",
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      targetAverageValue: pods.target.averageValue ?? "0",
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
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    },
  };
}

export function specFromV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: SpecV1): MetricSpec {
  const resourceTarget = ({ targetAverageUtilization, targetAverageValue }: ResourceSpecV1) =>
    present<MetricTarget>({
      type: targetAverageUtilization === undefined ? "AverageValue" : "Utilization",
      value: undefined,
      averageValue: targetAverageValue,
      averageUtilization: targetAverageUtilization,
    });
  const target = (value: string | undefined, averageValue: string | undefined, kind: MetricTarget["type"]) =>
    present<MetricTarget>({ type: kind, value, averageValue, averageUtilization: undefined });
  return present<MetricSpec>({
    type,
    object: object && {
      describedObject: object.target,
      metric: metric(object.metricName, object.selector),
      // The old shape always has a value: beside an average none is meant by 0.
      target:
        object.averageValue === undefined
          ? target(object.targetValue, undefined, "Value")
          : target(
              object.targetValue === "0" ? undefined : object.targetValue,
              object.averageValue,
              "AverageValue",
            ),
    },
    pods: pods && {
      metric: metric(pods.metricName, pods.selector),
      target: target(undefined, pods.targetAverageValue, "AverageValue"),
    },
    resource: resource && { name: resource.name, target: resourceTarget(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      target: resourceTarget(containerResource),
    },
    external: external && {
      metric: metric(external.metricName, external.metricSelector),
      target: target(
        external.targetValue,
        external.targetAverageValue,
        external.targetValue === undefined ? "AverageValue" : "Value",
      ),
    },
  });
}

const metric = (name: string, selector: Selector): MetricIdentifier => present({ name, selector });

/** JSON leaves out what is undefined. */
export function statusToV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricStatus): object {
  const resourceToV1 = ({ name, current }: NonNullable<MetricStatus["resource"]>) => ({
    name,
    currentAverageUtilization: current.averageUtilization,
    currentAverageValue: current.averageValue ?? "0",
  });
  return {
    type,
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? "0",
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      currentAverageValue: pods.current.averageValue ?? "0",
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
      currentValue: external.current.value ?? "0",
      currentAverageValue: external.current.averageValue,
    },
  };
}

type Current = NonNullable<MetricStatus["resource"]>["current"];

export function statusFromV1(status: StatusV1): MetricStatus {
  const { type, object, pods, resource, containerResource, external } = status;
  const current = (value?: string, averageValue?: string, averageUtilization?: number) =>
    present<Current>({ value, averageValue, averageUtilization });
  const resourceCurrent = ({ currentAverageValue, currentAverageUtilization }: ResourceStatusV1) =>
    current(undefined, currentAverageValue, currentAverageUtilization);
  return present<MetricStatus>({
    type,
    object: object && {
      describedObject: object.target,
      metric: metric(object.metricName, object.selector),
      current: current(object.currentValue, object.averageValue),
    },
    pods: pods && {
      metric: metric(pods.metricName, pods.selector),
      current: current(undefined, pods.currentAverageValue),
    },
    resource: resource && { name: resource.name, current: resourceCurrent(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      current: resourceCurrent(containerResource),
    },
    external: external && {
      metric: metric(external.metricName, external.metricSelector),
      current: current(external.currentValue, external.currentAverageValue),
    },
  });
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

/** Names in any case, as Go reads them; null is absent. */
export function behaviorFromV1(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(behaviorFromV1);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [`${name.charAt(0).toLowerCase()}${name.slice(1)}`, behaviorFromV1(member)]),
  );
}
