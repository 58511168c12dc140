/** Deployments, replica sets, daemon sets and stateful sets (upstream's `pkg/apis/apps/validation`). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateAnnotations, validateLabels } from "../../apimachinery/labels.ts";
import { dns1123Label } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateClaimSpec } from "../core/claim-validation.ts";
import { validatePodAnnotations } from "../core/pod-annotation-validation.ts";
import { validatePodTemplate } from "../core/pod-spec-validation.ts";
import {
  brokenSelectorErrors,
  collisionCountErrors,
  intOrPercentErrors,
  isZeroAmount,
  lastingErrors,
  overHundredErrors,
  replicaCountErrors,
  selectorMismatch,
  validateLastingTemplate,
  validateWorkloadSelector,
} from "../core/template-match-validation.ts";
import type { PodTemplateSpec } from "../core/types.generated.ts";
import { inGoForm } from "../go-form.ts";
import type {
  DaemonSet,
  DaemonSetSpec,
  Deployment,
  DeploymentSpec,
  ReplicaSet,
  StatefulSet,
  StatefulSetSpec,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateDeployment({ spec }: Deployment): Errors {
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  return [
    ...field.nonNegative("spec.replicas", spec.replicas),
    ...validateWorkloadSelector("spec.selector", spec.selector, "deployment"),
    ...validateReplicated(spec),
    ...validateDeploymentStrategy("spec.strategy", spec.strategy),
    ...field.nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...field.nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...field.nonNegative("spec.progressDeadlineSeconds", deadline),
    ...(deadline !== undefined && deadline <= minReadySeconds
      ? [field.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")]
      : []),
  ];
}

function validateReplicated({
  selector,
  template,
}: Pick<ReplicaSet["spec"], "selector" | "template">): Errors {
  const broken = brokenSelectorErrors("spec.selector", selector, "invalid label selector");
  return broken.length > 0
    ? broken
    : validateLastingTemplate("spec.template", template, selector, "ReplicaSet");
}

function validateDeploymentStrategy(path: string, strategy: DeploymentSpec["strategy"]): Errors {
  const { type = "", rollingUpdate } = strategy ?? {};
  const at = field.child(path, "rollingUpdate");
  if (type === "Recreate")
    return rollingUpdate === undefined
      ? []
      : [field.forbidden(at, "may not be specified when strategy `type` is 'Recreate'")];
  if (type !== "RollingUpdate")
    return [
      field.notSupported(path, inGoForm("DeploymentStrategy", strategy ?? {}), ["Recreate", "RollingUpdate"]),
    ];
  if (rollingUpdate === undefined) return [field.required(at, "this should be defaulted and never be nil")];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const unavailablePath = field.child(at, "maxUnavailable");
  const errors = [
    ...intOrPercentErrors(unavailablePath, maxUnavailable),
    ...intOrPercentErrors(field.child(at, "maxSurge"), maxSurge),
  ];
  // Nothing could ever be replaced.
  if (isZeroAmount(maxUnavailable) && isZeroAmount(maxSurge))
    errors.push(field.invalid(unavailablePath, maxUnavailable ?? 0, "may not be 0 when `maxSurge` is 0"));
  return [...errors, ...overHundredErrors(unavailablePath, maxUnavailable)];
}

export function validateDeploymentUpdate(object: Deployment, old: Deployment): Errors {
  return [
    ...validateDeployment(object),
    ...field.immutable("spec.selector", object.spec.selector, old.spec.selector),
  ];
}

const overReplicas = "cannot be greater than status.replicas";
const overReady = "cannot be greater than readyReplicas";

export function validateDeploymentStatusUpdate({ status = {} }: Deployment, old: Deployment): Errors {
  return [
    ...replicaCountErrors(
      status,
      [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
      ],
      [
        ["updatedReplicas", "replicas", overReplicas],
        ["readyReplicas", "replicas", overReplicas],
        ["availableReplicas", "replicas", overReplicas],
        ["availableReplicas", "readyReplicas", overReady],
      ],
    ),
    ...collisionCountErrors(status.collisionCount, old.status?.collisionCount),
  ];
}

export function validateReplicaSet({ spec }: ReplicaSet): Errors {
  return [
    ...field.nonNegative("spec.replicas", spec.replicas),
    ...field.nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateWorkloadSelector("spec.selector", spec.selector, "deployment"),
    ...validateReplicated(spec),
  ];
}

export function validateReplicaSetUpdate(object: ReplicaSet, old: ReplicaSet): Errors {
  return [
    ...validateReplicaSet(object),
    ...field.immutable("spec.selector", object.spec.selector, old.spec.selector),
  ];
}

export function validateReplicaSetStatusUpdate({ status = { replicas: 0 } }: ReplicaSet): Errors {
  return replicaCountErrors(
    status,
    [
      "replicas",
      "fullyLabeledReplicas",
      "readyReplicas",
      "availableReplicas",
      "terminatingReplicas",
      "observedGeneration",
    ],
    [
      ["fullyLabeledReplicas", "replicas", overReplicas],
      ["readyReplicas", "replicas", overReplicas],
      ["availableReplicas", "replicas", overReplicas],
      ["availableReplicas", "readyReplicas", overReady],
    ],
  );
}

export function validateDaemonSet({ spec }: DaemonSet): Errors {
  return [
    // That there is none is told as what follows from it: the template's labels do not match.
    ...(spec.selector === undefined
      ? []
      : validateWorkloadSelector("spec.selector", spec.selector, "daemonset")),
    ...validateLastingTemplate("spec.template", spec.template, spec.selector, "DaemonSet"),
    ...field.nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateDaemonSetStrategy("spec.updateStrategy", spec.updateStrategy),
    ...field.nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
  ];
}

function validateDaemonSetStrategy(path: string, strategy: DaemonSetSpec["updateStrategy"]): Errors {
  const { type = "", rollingUpdate } = strategy ?? {};
  if (type === "OnDelete") return [];
  if (type !== "RollingUpdate")
    return [
      field.notSupported(path, inGoForm("DaemonSetUpdateStrategy", strategy ?? {}), [
        "RollingUpdate",
        "OnDelete",
      ]),
    ];
  const at = field.child(path, "rollingUpdate");
  if (rollingUpdate === undefined) return [field.required(at)];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const unavailablePath = field.child(at, "maxUnavailable");
  const surgePath = field.child(at, "maxSurge");
  const errors = [
    ...intOrPercentErrors(unavailablePath, maxUnavailable),
    ...overHundredErrors(unavailablePath, maxUnavailable),
    ...intOrPercentErrors(surgePath, maxSurge),
    ...overHundredErrors(surgePath, maxSurge),
  ];
  if (!isZeroAmount(maxUnavailable) && !isZeroAmount(maxSurge))
    errors.push(field.invalid(surgePath, maxSurge, "may not be set when maxUnavailable is non-zero"));
  if (isZeroAmount(maxUnavailable) && isZeroAmount(maxSurge))
    errors.push(field.required(unavailablePath, "cannot be 0 when maxSurge is 0"));
  return errors;
}

export function validateDaemonSetUpdate(object: DaemonSet, old: DaemonSet): Errors {
  return [
    ...validateDaemonSet(object),
    ...field.immutable("spec.selector", object.spec.selector, old.spec.selector),
  ];
}

export function validateDaemonSetStatusUpdate({ status }: DaemonSet, old: DaemonSet): Errors {
  if (status === undefined) return [];
  return [
    ...replicaCountErrors(
      status,
      [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
      ],
      [],
    ),
    ...collisionCountErrors(status.collisionCount, old.status?.collisionCount),
  ];
}

export function validateStatefulSet({ spec }: StatefulSet, old?: StatefulSet): Errors {
  const broken = brokenSelectorErrors("spec.selector", spec.selector, "");
  return [
    ...validatePodManagement("spec.podManagementPolicy", spec.podManagementPolicy),
    ...validateStatefulSetStrategy("spec.updateStrategy", spec.updateStrategy),
    ...validateRetention(
      "spec.persistentVolumeClaimRetentionPolicy",
      spec.persistentVolumeClaimRetentionPolicy,
    ),
    // They never change; what an old one says was all right once.
    ...(old === undefined
      ? field.each("spec.volumeClaimTemplates", spec.volumeClaimTemplates, (claim, at) =>
          validateClaimSpec(field.child(at, "spec"), claim.spec ?? {}),
        )
      : []),
    ...field.nonNegative("spec.replicas", spec.replicas),
    ...field.nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...field.nonNegative("spec.ordinals.start", spec.ordinals?.start),
    ...validateWorkloadSelector("spec.selector", spec.selector, "statefulset"),
    ...(broken.length > 0 ? broken : validateClaimingTemplate("spec.template", spec, old?.spec)),
    ...(spec.serviceName && old === undefined
      ? field.invalidEach("spec.serviceName", spec.serviceName, dns1123Label(spec.serviceName))
      : []),
  ];
}

/** The pods have a volume for each claim. A template that was wrong before may stay so, except for its metadata. */
function validateClaimingTemplate(
  path: string,
  spec: StatefulSetSpec,
  old: StatefulSetSpec | undefined,
): Errors {
  const { selector, template } = spec;
  const own = validatePodTemplate(path, withClaimVolumes(spec));
  const isTolerated =
    own.length > 0 && old !== undefined && validatePodTemplate(path, withClaimVolumes(old)).length > 0;
  return [
    ...selectorMismatch(path, selector, template),
    ...(isTolerated ? validateTemplateMetadata(path, template) : own),
    ...lastingErrors(path, template, "StatefulSet"),
  ];
}

/** As the pods will be: with the names and the volumes that the controller gives them. */
function withClaimVolumes({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  if (template.spec === undefined) return template;
  const { hostname: _name, subdomain: _domain, ...podSpec } = template.spec;
  if (volumeClaimTemplates.length === 0) return { ...template, spec: podSpec };
  const names = new Set(volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? ""));
  const others = (podSpec.volumes ?? []).filter(({ name }) => !names.has(name));
  const claimed = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...template, spec: { ...podSpec, volumes: [...claimed, ...others] } };
}

function validateTemplateMetadata(path: string, { metadata, spec }: PodTemplateSpec): Errors {
  const annotations = field.child(path, "annotations");
  return [
    ...validateLabels(field.child(path, "labels"), metadata?.labels),
    ...validateAnnotations(annotations, metadata?.annotations),
    ...(spec === undefined ? [] : validatePodAnnotations(annotations, metadata?.annotations, spec)),
  ];
}

function validatePodManagement(path: string, policy: string | undefined): Errors {
  if (!policy) return [field.required(path)];
  if (policy === "OrderedReady" || policy === "Parallel") return [];
  return [field.invalid(path, policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateStatefulSetStrategy(path: string, strategy: StatefulSetSpec["updateStrategy"]): Errors {
  const { type = "", rollingUpdate } = strategy ?? {};
  const at = field.child(path, "rollingUpdate");
  switch (type) {
    case "":
      return [field.required(path)];
    case "OnDelete":
      return rollingUpdate === undefined
        ? []
        : [
            field.invalid(
              at,
              inGoForm("RollingUpdateStatefulSetStrategy", rollingUpdate),
              "only allowed for updateStrategy 'RollingUpdate'",
            ),
          ];
    case "RollingUpdate":
      return field.nonNegative(field.child(at, "partition"), rollingUpdate?.partition);
    default:
      return [
        field.invalid(
          path,
          inGoForm("StatefulSetUpdateStrategy", strategy ?? {}),
          "must be 'RollingUpdate' or 'OnDelete'",
        ),
      ];
  }
}

function validateRetention(
  path: string,
  policy: StatefulSetSpec["persistentVolumeClaimRetentionPolicy"],
): Errors {
  return (["whenDeleted", "whenScaled"] as const).flatMap((name) =>
    policy === undefined
      ? []
      : field.oneOf(field.child(path, name), policy[name] ?? "", ["Retain", "Delete"]),
  );
}

const changeableInStatefulSet = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
] as const;

export function validateStatefulSetUpdate(object: StatefulSet, old: StatefulSet): Errors {
  const errors = [...validateStatefulSet(object, old)];
  const masked: Record<string, unknown> = { ...object.spec };
  for (const name of changeableInStatefulSet) masked[name] = old.spec[name];
  if (!field.semanticEqual(masked, old.spec))
    errors.push(
      field.forbidden(
        "spec",
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ),
    );
  return errors;
}

export function validateStatefulSetStatusUpdate(
  { status = { replicas: 0 } }: StatefulSet,
  old: StatefulSet,
): Errors {
  return [
    ...replicaCountErrors(
      status,
      [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
      ],
      [
        ["readyReplicas", "replicas", overReplicas],
        ["currentReplicas", "replicas", overReplicas],
        ["updatedReplicas", "replicas", overReplicas],
        ["availableReplicas", "replicas", overReplicas],
        ["availableReplicas", "readyReplicas", "cannot be greater than status.readyReplicas"],
      ],
    ),
    ...collisionCountErrors(status.collisionCount, old.status?.collisionCount),
  ];
}
