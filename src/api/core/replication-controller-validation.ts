import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { replicaCountErrors, validateLastingTemplate } from "./template-match-validation.ts";
import type { ReplicationController } from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateReplicationController({ spec }: ReplicationController): Errors {
  const matchLabels = spec.selector ?? {};
  return [
    ...field.nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...(Object.keys(matchLabels).length > 0 ? [] : [field.required("spec.selector")]),
    ...(spec.replicas === undefined
      ? [field.required("spec.replicas")]
      : field.nonNegative("spec.replicas", spec.replicas)),
    ...validateLastingTemplate("spec.template", spec.template, { matchLabels }, "ReplicationController"),
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
