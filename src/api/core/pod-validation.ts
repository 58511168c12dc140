/** Pods: when they are made, changed, resized and debugged. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { inRange } from "../../apimachinery/names.ts";
import { unifiedDiff } from "../../apimachinery/unified-diff.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import { validateTolerations } from "./affinity-validation.ts";
import { imageSpaceErrors } from "./container-validation.ts";
import {
  validatePodAnnotations,
  validatePodAnnotationsUpdate,
  validateProfileAnnotations,
} from "./pod-annotation-validation.ts";
import { isMirrorPod } from "./pod-conditions.ts";
import { validatePodSpec } from "./pod-spec-validation.ts";
import type { Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxInt32 = 2_147_483_647;

export function validatePod(pod: Pod): Errors {
  const errors = [...validateWhole(pod)];
  if ((pod.spec.ephemeralContainers ?? []).length > 0)
    errors.push(field.forbidden("spec.ephemeralContainers", "cannot be set on create"));
  if (pod.spec.nodeName && (pod.spec.schedulingGates ?? []).length > 0)
    errors.push(
      field.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"),
    );
  errors.push(...validateProfileAnnotations("spec", pod.metadata.annotations, pod.spec));
  return errors;
}

/** What every state of a pod must satisfy. */
export function validateWhole(pod: Pod): Errors {
  const { spec } = pod;
  const errors = [
    ...validatePodAnnotations("metadata.annotations", pod.metadata.annotations, spec),
    ...validatePodSpec("spec", spec, { podMetadata: pod.metadata }),
  ];
  if (!spec.serviceAccountName)
    errors.push(
      ...field.each("spec.volumes", spec.volumes, ({ projected }, at) =>
        field.each(
          field.child(at, "projected", "sources"),
          projected?.sources,
          ({ serviceAccountToken }, source) =>
            serviceAccountToken === undefined
              ? []
              : [
                  field.forbidden(
                    field.child(source, "serviceAccountToken"),
                    "must not be specified when serviceAccountName is not set",
                  ),
                ],
        ),
      ),
    );
  errors.push(
    ...field.each("spec.containers", spec.containers, (container, at) => imageSpaceErrors(at, container)),
  );
  errors.push(
    ...field.each("spec.initContainers", spec.initContainers, (container, at) =>
      imageSpaceErrors(at, container),
    ),
  );
  return errors;
}

const changeableFields = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

/** Almost nothing of a pod's spec can change once it exists. */
export function validatePodUpdate(pod: Pod, old: Pod): Errors {
  const errors = [
    ...validateWhole(pod),
    ...validatePodAnnotationsUpdate(pod.metadata.annotations, old.metadata.annotations),
  ];
  for (const list of ["containers", "initContainers"] as const) {
    const containers = pod.spec[list] ?? [];
    if (containers.length !== (old.spec[list] ?? []).length)
      return [...errors, field.forbidden(`spec.${list}`, "pod updates may not add or remove containers")];
    // Upstream asks this again of every update: the cause is told twice.
    errors.push(
      ...field.each(`spec.${list}`, containers, (container, at) => [
        ...(container.image ? [] : [field.required(field.child(at, "image"))]),
        ...imageSpaceErrors(at, container),
      ]),
    );
  }
  const deadline = deadlineErrors(pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds);
  errors.push(...deadline);
  if (deadline.length > 0 && pod.spec.activeDeadlineSeconds !== undefined) return errors;
  errors.push(...addedTolerationErrors(pod.spec, old.spec));
  errors.push(...removedGateErrors(pod.spec, old.spec));
  const isGated = (old.spec.schedulingGates ?? []).length > 0;
  if (isGated) errors.push(...gatedPodErrors(pod.spec, old.spec));
  const masked = maskChangeable(pod.spec, old.spec, isGated);
  if (!field.semanticEqual(masked, old.spec)) {
    const difference = unifiedDiff(inGoForm("PodSpec", old.spec), inGoForm("PodSpec", masked));
    errors.push(
      field.forbidden(
        "spec",
        `pod updates may not change fields other than ${changeableFields}\n${difference}`,
      ),
    );
  }
  return errors;
}

/** A deadline can be set, or drawn nearer. */
function deadlineErrors(after: number | undefined, before: number | undefined): Errors {
  const path = "spec.activeDeadlineSeconds";
  if (after === undefined)
    return before === undefined
      ? []
      : [field.invalid(path, null, "must not update from a positive integer to nil value")];
  const range = field.invalidEach(path, after, inRange(after, 0, maxInt32));
  if (range.length > 0) return range;
  return before !== undefined && before < after
    ? [field.invalid(path, after, "must be less than or equal to previous value")]
    : [];
}

function addedTolerationErrors(spec: PodSpec, old: PodSpec): Errors {
  const withoutSeconds = <T extends { readonly tolerationSeconds?: number }>({
    tolerationSeconds: _any,
    ...rest
  }: T) => rest;
  const kept = (old.tolerations ?? []).every((before) =>
    (spec.tolerations ?? []).some((after) =>
      field.semanticEqual(withoutSeconds(after), withoutSeconds(before)),
    ),
  );
  if (!kept)
    return [
      field.forbidden(
        "spec.tolerations",
        "existing toleration can not be modified except its tolerationSeconds",
      ),
    ];
  return validateTolerations("spec.tolerations", spec.tolerations);
}

function removedGateErrors(spec: PodSpec, old: PodSpec): Errors {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  return field.each("spec.schedulingGates", spec.schedulingGates, ({ name }, at) =>
    before.has(name)
      ? []
      : [
          field.forbidden(
            field.child(at, "name"),
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  );
}

/** While gates hold a pod back, where it may run can be narrowed. */
function gatedPodErrors(spec: PodSpec, old: PodSpec): Errors {
  const errors: FieldError[] = [];
  const selector = spec.nodeSelector ?? {};
  const keeps = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => selector[key] === value);
  if (!keeps)
    errors.push(
      field.invalid(
        "spec.nodeSelector",
        selector,
        "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
      ),
    );
  errors.push(...narrowedAffinityErrors(spec.affinity?.nodeAffinity, old.affinity?.nodeAffinity));
  return errors;
}

function narrowedAffinityErrors(after: NodeAffinity | undefined, before: NodeAffinity | undefined): Errors {
  const required = before?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return [];
  const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  const terms = after?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const oldTerms = required.nodeSelectorTerms;
  if (oldTerms.length > 0 && oldTerms.length !== terms.length)
    return [
      field.invalid(
        path,
        inGoForm("NodeSelectorTerm", terms),
        "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
      ),
    ];
  return oldTerms.flatMap((term, index) => {
    const changed = terms[index] ?? {};
    return onlyAdds(changed, term)
      ? []
      : [
          field.invalid(
            field.at(path, index),
            inGoForm("NodeSelectorTerm", changed),
            "only additions are allowed (no mutations or deletions)",
          ),
        ];
  });
}

function onlyAdds(after: NodeSelectorTerm, before: NodeSelectorTerm): boolean {
  const lists = ["matchExpressions", "matchFields"] as const;
  const isEmpty = (term: NodeSelectorTerm) => lists.every((name) => (term[name] ?? []).length === 0);
  if (isEmpty(before) && !isEmpty(after)) return false;
  return lists.every((name) => {
    const old = before[name] ?? [];
    return field.semanticEqual((after[name] ?? []).slice(0, old.length), old);
  });
}

/** The new spec with the old one's values wherever a change is allowed, or was judged already. */
function maskChangeable(spec: PodSpec, old: PodSpec, isGated: boolean): PodSpec {
  const images = (list: readonly Container[] | undefined, before: readonly Container[] | undefined) =>
    list?.map((container, index) => ({ ...container, image: before?.[index]?.image }));
  const masked: Record<string, unknown> = {
    ...spec,
    containers: images(spec.containers, old.containers),
    initContainers: images(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    schedulingGates: old.schedulingGates,
    tolerations: old.tolerations,
  };
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
    masked.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  if (isGated) {
    masked.nodeSelector = old.nodeSelector;
    masked.affinity = maskNodeAffinity(spec.affinity, old.affinity);
  }
  return masked as unknown as PodSpec; // fields of two specs
}

/** An affinity that has nothing but what may change is none, where there was none. */
function maskNodeAffinity(after: PodSpec["affinity"], before: PodSpec["affinity"]): PodSpec["affinity"] {
  const nodeAffinity = before?.nodeAffinity;
  if (field.semanticEqual(after?.nodeAffinity, nodeAffinity)) return after;
  const { nodeAffinity: _changed, ...rest } = after ?? {};
  if (before === undefined && Object.keys(rest).length === 0) return undefined;
  return nodeAffinity === undefined ? rest : { ...rest, nodeAffinity };
}

/** A debugging container can be added; those that are there stay as they are. */
export function validateEphemeralContainersUpdate(pod: Pod, old: Pod): Errors {
  if (isMirrorPod(old)) return [field.forbidden("", "static pods do not support ephemeral containers")];
  const path = "spec.ephemeralContainers";
  const changes = (old.spec.ephemeralContainers ?? []).flatMap((before) => {
    const after = pod.spec.ephemeralContainers?.find(({ name }) => name === before.name);
    const which = `existing ephemeral containers ${field.quote(before.name)}`;
    if (after === undefined) return [field.forbidden(path, `${which} may not be removed\n`)];
    if (field.semanticEqual(after, before)) return [];
    const difference = unifiedDiff(
      inGoForm("EphemeralContainer", before),
      inGoForm("EphemeralContainer", after),
    );
    return [field.forbidden(path, `${which} may not be changed\n${difference}`)];
  });
  return [...validateWhole(pod), ...changes];
}
