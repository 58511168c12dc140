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

/** `old`: the stored one on an update. What it already had is not held against it again. */
export function validateAutoscaler({ spec }: HorizontalPodAutoscaler, old?: HorizontalPodAutoscaler): Errors {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = spec;
  const errors: FieldError[] = [];
  const least = old?.spec.minReplicas === 0 ? 0 : 1;
  if (minReplicas !== undefined && minReplicas < least)
    errors.push(field.invalid("spec.minReplicas", minReplicas, `must be greater than or equal to ${least}`));
  if (maxReplicas === 0) errors.push(field.required("spec.maxReplicas", "must be set and greater than 0"));
  else if (maxReplicas < 0)
    errors.push(field.invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to 1"));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(
      field.invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"),
    );
  errors.push(
    ...validateReference("spec.scaleTargetRef", scaleTargetRef, targetVersionRule(scaleTargetRef, old)),
  );
  const described: VersionRule = hasUnreadableDescribedObject(old) ? "any" : "readable";
  errors.push(...field.each("spec.metrics", metrics, (metric, at) => validateMetric(at, metric, described)));
  if (minReplicas === 0 && !metrics.some(({ type }) => type === "Object" || type === "External"))
    errors.push(field.forbidden("spec.metrics", scaleToZeroRule));
  for (const name of ["scaleUp", "scaleDown"] as const)
    errors.push(...validateRules(field.child("spec.behavior", name), behavior?.[name]));
  return errors;
}

const scaleToZeroRule =
  "must specify at least one Object or External metric to support scaling to zero replicas";

/** What an apiVersion must be: anything, a group and version, or those of a group with a name. */
type VersionRule = "any" | "readable" | "grouped";

function targetVersionRule(
  target: CrossVersionObjectReference | undefined,
  old: HorizontalPodAutoscaler | undefined,
): VersionRule {
  const before = old?.spec.scaleTargetRef;
  if (before !== undefined && before.apiVersion === target?.apiVersion && before.kind === target?.kind)
    return "any";
  // The only kind without a group that scales.
  return target?.kind === "ReplicationController" ? "readable" : "grouped";
}

function hasUnreadableDescribedObject(old: HorizontalPodAutoscaler | undefined): boolean {
  return (old?.spec.metrics ?? []).some(
    ({ type, object }) =>
      type === "Object" && versionProblem(object?.describedObject?.apiVersion, "readable") !== undefined,
  );
}

function versionProblem(version = "", rule: VersionRule): string | undefined {
  const slash = version.indexOf("/");
  if (rule === "any") return undefined;
  if (version !== "/" && slash !== version.lastIndexOf("/"))
    return `unexpected GroupVersion string: ${version}`;
  return rule === "grouped" && slash <= 0 ? "apiVersion must specify API group" : undefined;
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): Errors {
  return [
    ...field.nonNegative("status.currentReplicas", status?.currentReplicas),
    ...field.nonNegative("status.desiredReplicas", status?.desiredReplicas),
  ];
}

function validateReference(
  path: string,
  reference: CrossVersionObjectReference | undefined,
  rule: VersionRule,
): Errors {
  const names = (["kind", "name"] as const).flatMap((name) => {
    const value = reference?.[name] ?? "";
    const at = field.child(path, name);
    return value === "" ? [field.required(at)] : field.invalidEach(at, value, pathSegment(value));
  });
  const problem = versionProblem(reference?.apiVersion, rule);
  return problem === undefined
    ? names
    : [...names, field.invalid(field.child(path, "apiVersion"), reference?.apiVersion ?? "", problem)];
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
const sourceOfType: Readonly<Record<string, SourceName>> = lookupTable({
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
});

type SourceName = Exclude<keyof MetricSpec, "type">;

/** In the order that upstream looks at them. */
const sourceNames: readonly SourceName[] = ["object", "external", "pods", "resource", "containerResource"];

function validateMetric(path: string, metric: MetricSpec, described: VersionRule): Errors {
  const type = metric.type ?? "";
  const expected = sourceOfType[type];
  const unknown = () => field.notSupported(field.child(path, "type"), type, Object.keys(sourceOfType));
  const present = sourceNames.filter((name) => metric[name] !== undefined);
  const errors: FieldError[] = [];
  if (type === "")
    errors.push(field.required(field.child(path, "type"), "must specify a metric source type"));
  if (expected === undefined) errors.push(unknown());
  // Only the first source is looked into, whether or not it is the one of the type.
  if (present[0] !== undefined) errors.push(...validateSource(path, metric, present[0], described));
  if (expected === undefined) errors.push(unknown());
  else if (metric[expected] === undefined)
    errors.push(
      field.required(field.child(path, expected), "must populate information for the given metric source"),
    );
  if (present.length > 1)
    for (const other of present)
      if (other !== expected)
        errors.push(field.forbidden(field.child(path, other), "must populate the given metric source only"));
  return errors;
}

function validateSource(
  metricPath: string,
  metric: MetricSpec,
  source: SourceName,
  described: VersionRule,
): Errors {
  const { object, external, pods, resource, containerResource } = metric;
  const path = field.child(metricPath, source);
  const average = field.child(path, "target", "averageValue");
  if (source === "object" && object !== undefined)
    return [
      ...validateReference(field.child(path, "describedObject"), object.describedObject, described),
      ...validateIdentifier(field.child(path, "metric"), object.metric),
      ...validateTarget(field.child(path, "target"), object.target),
      ...(object.target?.value === undefined && object.target?.averageValue === undefined
        ? [field.required(average, "must set either a target value or averageValue")]
        : []),
    ];
  if (source === "external" && external !== undefined) {
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
  if (source === "pods" && pods !== undefined)
    return [
      ...validateIdentifier(field.child(path, "metric"), pods.metric),
      ...validateTarget(field.child(path, "target"), pods.target),
      ...(pods.target?.averageValue === undefined
        ? [field.required(average, "must specify a positive target averageValue")]
        : []),
    ];
  if (source === "resource" && resource !== undefined)
    return [
      ...(resource.name ? [] : [field.required(field.child(path, "name"), "must specify a resource name")]),
      ...validateUtilization(path, resource.target),
    ];
  if (source === "containerResource" && containerResource !== undefined) {
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
