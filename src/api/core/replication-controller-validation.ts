import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { replicaCountErrors, validateLastingTemplate } from "./template-match-validation.ts";
import type { ReplicationController } from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateReplicationController({ spec }: ReplicationController): Errors {
  const isSelecting = Object.keys(spec.selector ?? {}).length > 0;
  const selector = isSelecting && spec.selector !== undefined ? { matchLabels: spec.selector } : undefined;
  return [
    ...field.nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...(isSelecting ? [] : [field.required("spec.selector")]),
    ...(spec.replicas === undefined
      ? [field.required("spec.replicas")]
      : field.nonNegative("spec.replicas", spec.replicas)),
    ...validateLastingTemplate("spec.template", spec.template, selector, "ReplicationController"),
  ];
}

export function validateReplicationControllerStatus({
  status = { replicas: 0 },
}: ReplicationController): Errors {
  const over = "cannot be greater than status.replicas";
  return replicaCountErrors(
    status,
    ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"],
    [
      ["fullyLabeledReplicas", "replicas", over],
      ["readyReplicas", "replicas", over],
      ["availableReplicas", "replicas", over],
      ["availableReplicas", "readyReplicas", "cannot be greater than readyReplicas"],
    ],
  );
}
