import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, pathSegment } from "../../apimachinery/names.ts";
import { parseQuantity } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { lookupTable } from "../../base/lookup-table.ts";
import { containerResourceNameErrors } from "../core/resource-validation.ts";
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxStabilizationSeconds = 3600;
const maxPeriodSeconds = 1800;

export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): Errors {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics, behavior } = spec;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < 1)
    errors.push(field.invalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1"));
  if (maxReplicas < 1) errors.push(field.invalid("spec.maxReplicas", maxReplicas, "must be greater than 0"));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(
      field.invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"),
    );
  errors.push(...validateReference("spec.scaleTargetRef", scaleTargetRef));
  errors.push(...field.each("spec.metrics", metrics, (metric, at) => validateMetric(at, metric)));
  for (const name of ["scaleUp", "scaleDown"] as const)
    errors.push(...validateRules(field.child("spec.behavior", name), behavior?.[name]));
  return errors;
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): Errors {
  return [
    ...field.nonNegative("status.currentReplicas", status?.currentReplicas),
    ...field.nonNegative("status.desiredReplicas", status?.desiredReplicas),
  ];
}

function validateReference(path: string, reference: CrossVersionObjectReference | undefined): Errors {
  return (["kind", "name"] as const).flatMap((name) => {
    const value = reference?.[name] ?? "";
    const at = field.child(path, name);
    return value === "" ? [field.required(at)] : field.invalidEach(at, value, pathSegment(value));
  });
}

function validateRules(path: string, rules: HPAScalingRules | undefined): Errors {
  if (rules === undefined) return [];
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const errors: FieldError[] = [];
  const windowPath = field.child(path, "stabilizationWindowSeconds");
  if (window !== undefined && window < 0)
    errors.push(field.invalid(windowPath, window, "must be greater than or equal to zero"));
  if (window !== undefined && window > maxStabilizationSeconds)
    errors.push(
      field.invalid(windowPath, window, `must be less than or equal to ${maxStabilizationSeconds}`),
    );
  errors.push(...field.oneOf(field.child(path, "selectPolicy"), selectPolicy, ["Disabled", "Max", "Min"]));
  const policiesPath = field.child(path, "policies");
  if (policies.length === 0) errors.push(field.required(policiesPath, "must specify at least one Policy"));
  errors.push(
    ...field.each(policiesPath, policies, ({ type, value, periodSeconds }, at) => {
      const periodPath = field.child(at, "periodSeconds");
      const own: FieldError[] = [];
      if (type !== "Pods" && type !== "Percent")
        own.push(field.notSupported(field.child(at, "type"), type, ["Percent", "Pods"]));
      if (value <= 0) own.push(field.invalid(field.child(at, "value"), value, "must be greater than zero"));
      if (periodSeconds <= 0) own.push(field.invalid(periodPath, periodSeconds, "must be greater than zero"));
      if (periodSeconds > maxPeriodSeconds)
        own.push(
          field.invalid(periodPath, periodSeconds, `must be less than or equal to ${maxPeriodSeconds}`),
        );
      return own;
    }),
  );
  if (tolerance !== undefined && parseQuantity(tolerance).unscaled < 0n)
    errors.push(
      field.invalid(field.child(path, "tolerance"), tolerance, "must be greater than or equal to 0"),
    );
  return errors;
}

/** The field that carries a metric of each type. */
const sourceOfType: Readonly<Record<string, keyof MetricSpec>> = lookupTable({
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
});

function validateMetric(path: string, metric: MetricSpec): Errors {
  const expected = sourceOfType[metric.type];
  if (!metric.type) return [field.required(field.child(path, "type"), "must specify a metric source type")];
  if (expected === undefined)
    return [field.notSupported(field.child(path, "type"), metric.type, Object.keys(sourceOfType))];
  const errors: FieldError[] = [...validateSource(field.child(path, expected), metric)];
  if (metric[expected] === undefined)
    errors.push(
      field.required(field.child(path, expected), "must populate information for the given metric source"),
    );
  for (const other of Object.values(sourceOfType))
    if (other !== expected && metric[other] !== undefined)
      errors.push(field.forbidden(field.child(path, other), "must populate the given metric source only"));
  return errors;
}

function validateSource(path: string, metric: MetricSpec): Errors {
  const { type, object, external, pods, resource, containerResource } = metric;
  const average = field.child(path, "target", "averageValue");
  if (type === "Object" && object !== undefined)
    return [
      ...validateReference(field.child(path, "describedObject"), object.describedObject),
      ...validateIdentifier(field.child(path, "metric"), object.metric),
      ...validateTarget(field.child(path, "target"), object.target),
      ...(object.target?.value === undefined && object.target?.averageValue === undefined
        ? [field.required(average, "must set either a target value or averageValue")]
        : []),
    ];
  if (type === "External" && external !== undefined) {
    const { value, averageValue } = external.target ?? {};
    const errors = [
      ...validateIdentifier(field.child(path, "metric"), external.metric),
      ...validateTarget(field.child(path, "target"), external.target),
    ];
    if (value === undefined && averageValue === undefined)
      errors.push(field.required(average, "must set either a target value for metric or a per-pod target"));
    if (value !== undefined && averageValue !== undefined)
      errors.push(
        field.forbidden(
          field.child(path, "target", "value"),
          "may not set both a target value for metric and a per-pod target",
        ),
      );
    return errors;
  }
  if (type === "Pods" && pods !== undefined)
    return [
      ...validateIdentifier(field.child(path, "metric"), pods.metric),
      ...validateTarget(field.child(path, "target"), pods.target),
      ...(pods.target?.averageValue === undefined
        ? [field.required(average, "must specify a positive target averageValue")]
        : []),
    ];
  if (type === "Resource" && resource !== undefined)
    return [
      ...(resource.name ? [] : [field.required(field.child(path, "name"), "must specify a resource name")]),
      ...validateUtilization(path, resource.target),
    ];
  if (type === "ContainerResource" && containerResource !== undefined) {
    const { name, container, target } = containerResource;
    const containerPath = field.child(path, "container");
    return [
      ...(name
        ? containerResourceNameErrors(field.child(path, "name"), name)
        : [field.required(field.child(path, "name"), "must specify a resource name")]),
      ...(container
        ? field.invalidEach(containerPath, container, dns1123Label(container))
        : [field.required(containerPath, "must specify a container")]),
      ...validateUtilization(path, target),
    ];
  }
  return [];
}

function validateUtilization(path: string, target: MetricTarget | undefined): Errors {
  const { averageUtilization, averageValue } = target ?? {};
  const errors = [...validateTarget(field.child(path, "target"), target)];
  if (averageUtilization === undefined && averageValue === undefined)
    errors.push(
      field.required(
        field.child(path, "target", "averageUtilization"),
        "must set either a target raw value or a target utilization",
      ),
    );
  if (averageUtilization !== undefined && averageValue !== undefined)
    errors.push(
      field.forbidden(
        field.child(path, "target", "averageValue"),
        "may not set both a target raw value and a target utilization",
      ),
    );
  return errors;
}

function validateTarget(path: string, target: MetricTarget | undefined): Errors {
  const { type = "", averageUtilization } = target ?? {};
  const errors: FieldError[] = [];
  if (type === "")
    errors.push(field.required(field.child(path, "type"), "must specify a metric target type"));
  if (!["Utilization", "Value", "AverageValue"].includes(type))
    errors.push(
      field.invalid(field.child(path, "type"), type, "must be either Utilization, Value, or AverageValue"),
    );
  for (const name of ["value", "averageValue"] as const) {
    const amount = target?.[name];
    if (amount !== undefined && parseQuantity(amount).unscaled <= 0n)
      errors.push(field.invalid(field.child(path, name), amount, "must be positive"));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(
      field.invalid(field.child(path, "averageUtilization"), averageUtilization, "must be greater than 0"),
    );
  return errors;
}

function validateIdentifier(path: string, identifier: MetricIdentifier | undefined): Errors {
  const name = identifier?.name ?? "";
  const at = field.child(path, "name");
  return name === ""
    ? [field.required(at, "must specify a metric name")]
    : field.invalidEach(at, name, pathSegment(name));
}
