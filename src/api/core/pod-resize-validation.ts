/** A change of a running pod's resources (the `resize` subresource, KEP-1287). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { isMirrorPod, isSidecar } from "./pod-conditions.ts";
import { computePodQosClass, podQosClass } from "./pod-qos.ts";
import type { ResourceList } from "./pod-resources.ts";
import { validateWhole } from "./pod-validation.ts";
import type { Container, Pod, ResourceRequirements } from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validatePodResize(pod: Pod, old: Pod): Errors {
  if (isMirrorPod(old)) return [field.forbidden("", "static pods cannot be resized")];
  if (old.spec.os?.name === "windows") return [field.forbidden("", "windows pods cannot be resized")];
  const errors = [...validateWhole(pod)];
  if (podQosClass(old) !== computePodQosClass(pod))
    errors.push(
      field.invalid("spec", pod.status?.qosClass, "Pod QOS Class may not change as a result of resizing"),
    );
  const running = old.status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  if (running !== undefined && running.resources === undefined)
    errors.push(field.forbidden("spec", "Pod running on node without support for resize"));
  if (pod.spec.resources !== undefined || old.spec.resources !== undefined)
    errors.push(...podLevelErrors(pod.spec.resources, old.spec.resources));
  const order = orderErrors(pod, old);
  if (order.length > 0) return [...errors, ...order];
  errors.push(...containerErrors("spec.containers", pod.spec.containers, old.spec.containers));
  errors.push(...initContainerErrors(pod.spec.initContainers ?? [], old.spec.initContainers ?? []));
  if (errors.length > 0) return errors;
  const masked = {
    ...pod.spec,
    resources: old.spec.resources,
    containers: old.spec.containers,
    initContainers: old.spec.initContainers,
  };
  return field.semanticEqual(masked, old.spec)
    ? []
    : [field.forbidden("spec", "only cpu and memory resources are mutable")];
}

function podLevelErrors(
  after: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
): Errors {
  if (after === undefined)
    return [field.forbidden("spec.resources", "pod-level resources cannot be removed")];
  const errors: FieldError[] = [];
  for (const part of ["requests", "limits"] as const)
    if (isRemoved(after[part], before?.[part]))
      errors.push(field.forbidden(`spec.resources.${part}`, `pod-level resource ${part} cannot be removed`));
  if (!field.semanticEqual(withoutComputeChange(after, before), before))
    errors.push(field.forbidden("spec", "only cpu and memory resources are mutable at pod-level"));
  return errors;
}

function orderErrors(pod: Pod, old: Pod): Errors {
  return (["containers", "initContainers"] as const).flatMap((list) => {
    const after = pod.spec[list] ?? [];
    const before = old.spec[list] ?? [];
    if (after.length !== before.length)
      return [field.forbidden(`spec.${list}`, `${list} may not be added or removed on resize`)];
    return field.each(`spec.${list}`, before, ({ name }, at, index) =>
      after[index]?.name === name
        ? []
        : [field.forbidden(field.child(at, "name"), `${list} may not be renamed or reordered on resize`)],
    );
  });
}

function containerErrors(path: string, after: readonly Container[], before: readonly Container[]): Errors {
  return field.each(path, after, (container, at, index) => {
    const old = before[index];
    if (old === undefined) return [];
    return [
      ...removalErrors(at, container, old),
      ...(onlyComputeChanges(container, old)
        ? []
        : [field.forbidden("spec", "only cpu and memory resources are mutable")]),
    ];
  });
}

function initContainerErrors(after: readonly Container[], before: readonly Container[]): Errors {
  return field.each("spec.initContainers", after, (container, at, index) => {
    const old = before[index];
    if (old === undefined) return [];
    if (!isSidecar(container))
      return field.semanticEqual(container, old)
        ? []
        : [field.forbidden("spec", "resources for non-sidecar init containers are immutable")];
    return [
      ...removalErrors(at, container, old),
      ...(onlyComputeChanges(container, old)
        ? []
        : [field.forbidden("spec", "only cpu and memory resources for sidecar containers are mutable")]),
    ];
  });
}

function removalErrors(path: string, after: Container, before: Container): Errors {
  return (["requests", "limits"] as const)
    .filter((part) => isRemoved(after.resources?.[part], before.resources?.[part]))
    .map((part) =>
      field.forbidden(field.child(path, "resources", part), `resource ${part} cannot be removed`),
    );
}

function isRemoved(after: ResourceList | undefined, before: ResourceList | undefined): boolean {
  return Object.keys(before ?? {}).some((name) => after?.[name] === undefined);
}

function onlyComputeChanges(after: Container, before: Container): boolean {
  const masked = { ...after, resources: withoutComputeChange(after.resources, before.resources) };
  return field.semanticEqual(masked, before);
}

/** The new amounts with cpu and memory as they were. */
function withoutComputeChange(
  after: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
): ResourceRequirements {
  const mask = (list: ResourceList | undefined, old: ResourceList | undefined): ResourceList => {
    const { cpu: _cpu, memory: _memory, ...others } = list ?? {};
    const { cpu, memory } = old ?? {};
    return { ...others, ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  };
  return {
    ...after,
    requests: mask(after?.requests, before?.requests),
    limits: mask(after?.limits, before?.limits),
  };
}
