import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabels } from "../../apimachinery/labels.ts";
import { dns1123Label } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateTolerations } from "../core/affinity-validation.ts";
import { validateContainerResources } from "../core/resource-validation.ts";
import { inGoForm } from "../go-form.ts";
import type { RuntimeClass } from "./types.generated.ts";

export function validateRuntimeClass({
  handler = "",
  overhead,
  scheduling,
}: RuntimeClass): readonly FieldError[] {
  return [
    ...(handler === ""
      ? [field.required("handler")]
      : field.invalidEach("handler", handler, dns1123Label(handler))),
    ...(overhead?.podFixed === undefined
      ? []
      : // Upstream's path.
        validateContainerResources("overhead", { limits: overhead.podFixed }, [])),
    ...validateLabels("scheduling.nodeSelector", scheduling?.nodeSelector),
    ...validateTolerations("scheduling.tolerations", scheduling?.tolerations),
    ...field.unique(
      scheduling?.tolerations,
      ({ key, operator, value, effect }) => JSON.stringify([key, operator, value, effect]),
      (index, toleration) =>
        field.duplicate(`scheduling.tolerations[${index}]`, inGoForm("Toleration", toleration)),
    ),
  ];
}

export function validateRuntimeClassUpdate(object: RuntimeClass, old: RuntimeClass): readonly FieldError[] {
  return field.immutable("handler", object.handler, old.handler);
}
