/** Pods: when they are made, changed, resized, debugged, and when their status is reported. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Subdomain, inRange, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { ipErrors, isDualStack } from "../../apimachinery/validation-ip.ts";
import { validateTolerations } from "./affinity-validation.ts";
import { imageSpaceErrors } from "./container-validation.ts";
import { isMirrorPod, isSidecar } from "./pod-conditions.ts";
import { validatePodSpec } from "./pod-spec-validation.ts";
import type {
  Container,
  ContainerStatus,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSpec,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxInt32 = 2_147_483_647;
const mirrorAnnotation = "kubernetes.io/config.mirror";

export function validatePod(pod: Pod): Errors {
  const errors = [...validateWhole(pod)];
  if ((pod.spec.ephemeralContainers ?? []).length > 0)
    errors.push(field.forbidden("spec.ephemeralContainers", "cannot be set on create"));
  if (pod.spec.nodeName && (pod.spec.schedulingGates ?? []).length > 0)
    errors.push(
      field.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"),
    );
  return errors;
}

/** What every state of a pod must satisfy. */
export function validateWhole(pod: Pod): Errors {
  const { spec } = pod;
  const errors = [
    ...validateAnnotations(pod),
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

const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

function validateAnnotations({ metadata: { annotations = {} }, spec }: Pod): Errors {
  const errors: FieldError[] = [];
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && !spec.nodeName)
    errors.push(
      field.invalid(
        field.at("metadata.annotations", mirrorAnnotation),
        mirror,
        "must set spec.nodeName if mirror pod annotation is set",
      ),
    );
  const cost = annotations[deletionCostAnnotation];
  if (cost !== undefined && !isInt32(cost))
    errors.push(
      field.invalid(
        field.at("metadata.annotations", deletionCostAnnotation),
        cost,
        "must be a 32bit integer",
      ),
    );
  return errors;
}

function isInt32(text: string): boolean {
  return /^(0|-?[1-9][0-9]*)$/.test(text) && Math.abs(Number(text)) <= maxInt32;
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
  const errors = [...validateWhole(pod), ...annotationUpdateErrors(pod, old)];
  for (const list of ["containers", "initContainers"] as const) {
    const count = (pod.spec[list] ?? []).length;
    if (count !== (old.spec[list] ?? []).length)
      return [...errors, field.forbidden(`spec.${list}`, "pod updates may not add or remove containers")];
  }
  const deadline = deadlineErrors(pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds);
  errors.push(...deadline);
  errors.push(...addedTolerationErrors(pod.spec, old.spec));
  errors.push(...removedGateErrors(pod.spec, old.spec));
  const isGated = (old.spec.schedulingGates ?? []).length > 0;
  if (isGated) errors.push(...gatedPodErrors(pod.spec, old.spec));
  const masked = maskChangeable(pod.spec, old.spec, isGated);
  if (!field.semanticEqual(masked, old.spec)) {
    const difference = field.describeDifference(old.spec, masked, "spec");
    errors.push(
      field.forbidden(
        "spec",
        `pod updates may not change fields other than ${changeableFields}\n${difference}`,
      ),
    );
  }
  return errors;
}

function annotationUpdateErrors(pod: Pod, old: Pod): Errors {
  const after = pod.metadata.annotations?.[mirrorAnnotation];
  const before = old.metadata.annotations?.[mirrorAnnotation];
  if (after === before) return [];
  const path = field.at("metadata.annotations", mirrorAnnotation);
  return [
    field.forbidden(
      path,
      before === undefined
        ? "may not add mirror pod annotation"
        : "may not remove or update mirror pod annotation",
    ),
  ];
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
      field.invalid(path, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed"),
    ];
  return oldTerms.flatMap((term, index) => {
    const changed = terms[index] ?? {};
    return onlyAdds(changed, term)
      ? []
      : [
          field.invalid(
            field.at(path, index),
            changed,
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
    masked.affinity = { ...spec.affinity, nodeAffinity: old.affinity?.nodeAffinity };
  }
  return masked as unknown as PodSpec; // fields of two specs
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
    return [field.forbidden(path, `${which} may not be changed\n${field.describeDifference(before, after)}`)];
  });
  return [...validateWhole(pod), ...changes];
}

const statusConditionTypes = ["PodScheduled", "Ready", "Initialized"];

export function validatePodStatusUpdate(pod: Pod, old: Pod): Errors {
  const { status = {} } = pod;
  const errors: FieldError[] = [...annotationUpdateErrors(pod, old)];
  errors.push(
    ...field.each("status.conditions", status.conditions, ({ type, observedGeneration = 0 }, at) => [
      ...(observedGeneration < 0
        ? [
            field.invalid(
              field.child(at, "observedGeneration"),
              observedGeneration,
              "must be a non-negative integer",
            ),
          ]
        : []),
      ...(statusConditionTypes.includes(type)
        ? []
        : field.invalidEach(field.child(at, "Type"), type, qualifiedName(type))),
    ]),
  );
  if ((pod.spec.nodeName ?? "") !== (old.spec.nodeName ?? ""))
    errors.push(field.forbidden("status.nodeName", "may not be changed directly"));
  const nominated = status.nominatedNodeName ?? "";
  if (nominated !== "" && nominated !== (old.status?.nominatedNodeName ?? ""))
    errors.push(...field.invalidEach("status.nominatedNodeName", nominated, dns1123Subdomain(nominated)));
  if ((status.observedGeneration ?? 0) < 0)
    errors.push(
      field.invalid("status.observedGeneration", status.observedGeneration, "must be a non-negative integer"),
    );
  if (old.status?.qosClass !== undefined)
    errors.push(...field.immutable("status.qosClass", status.qosClass, old.status.qosClass));
  for (const list of ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const)
    errors.push(
      ...resurrectionErrors(`status.${list}`, status[list], old.status?.[list], restartRules(old.spec, list)),
    );
  errors.push(...addressErrors("status.podIPs", status.podIPs, old.status?.podIPs));
  if ((status.hostIPs ?? []).length > 0 && status.hostIPs?.[0]?.ip !== status.hostIP)
    errors.push(field.invalid("status.hostIPs[0].ip", status.hostIPs?.[0]?.ip, "must be equal to `hostIP`"));
  errors.push(...addressErrors("status.hostIPs", status.hostIPs, old.status?.hostIPs));
  return errors;
}

type MayRestart = (name: string, exitCode: number) => boolean;

/** Whether a container that ended may run again, by its own policy or else the pod's. */
function restartRules(
  spec: PodSpec,
  list: "containerStatuses" | "initContainerStatuses" | "ephemeralContainerStatuses",
): MayRestart {
  if (list === "ephemeralContainerStatuses") return () => false;
  const containers = list === "containerStatuses" ? spec.containers : (spec.initContainers ?? []);
  const restartsAll = [...spec.containers, ...(spec.initContainers ?? [])].some((container) =>
    container.restartPolicyRules?.some(({ action }) => action === "RestartAllContainers"),
  );
  return (name, exitCode) => {
    if (restartsAll) return true;
    const container = containers.find((candidate) => candidate.name === name);
    if (container !== undefined && isSidecar(container)) return true;
    const matchesRule = container?.restartPolicyRules?.some(({ exitCodes }) => {
      const listed = exitCodes?.values?.includes(exitCode) ?? false;
      return exitCodes?.operator === "NotIn" ? !listed : listed;
    });
    if (matchesRule === true) return true;
    const policy = container?.restartPolicy ?? spec.restartPolicy;
    return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
  };
}

function resurrectionErrors(
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  mayRestart: MayRestart,
): Errors {
  return field.each(path, old, (before, at) => {
    const ended = before.state?.terminated;
    if (ended === undefined || mayRestart(before.name, ended.exitCode)) return [];
    const after = statuses?.find(({ name }) => name === before.name);
    if (after === undefined || after.state?.terminated !== undefined) return [];
    return [field.forbidden(field.child(at, "state"), "may not be transitioned to non-terminated state")];
  });
}

interface IpHolder {
  readonly ip?: string;
}

function addressErrors(
  path: string,
  list: readonly IpHolder[] | undefined,
  old: readonly IpHolder[] | undefined,
): Errors {
  const addresses = (list ?? []).map(({ ip = "" }) => ip);
  const before = (old ?? []).map(({ ip = "" }) => ip);
  const errors = field.each(path, addresses, (address, at) => ipErrors(at, address, before));
  if (addresses.length > 1 && (addresses.length > 2 || !isDualStack(addresses)))
    return [...errors, field.invalid(path, list, "may specify no more than one IP for each IP family")];
  return errors;
}
