import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabels } from "../../apimachinery/labels.ts";
import { dns1123Label } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateTolerations } from "../core/affinity-validation.ts";
import { validateContainerResources } from "../core/resource-validation.ts";
import type { RuntimeClass } from "./types.generated.ts";

export function validateRuntimeClass({
  handler = "",
  overhead,
  scheduling,
}: RuntimeClass): readonly FieldError[] {
  return [
    ...field.invalidEach("handler", handler, dns1123Label(handler)),
    ...(overhead?.podFixed === undefined
      ? []
      : validateContainerResources("overhead.podFixed", { limits: overhead.podFixed }, [])),
    ...validateLabels("scheduling.nodeSelector", scheduling?.nodeSelector),
    ...validateTolerations("scheduling.tolerations", scheduling?.tolerations),
  ];
}

export function validateRuntimeClassUpdate(object: RuntimeClass, old: RuntimeClass): readonly FieldError[] {
  return field.immutable("handler", object.handler, old.handler);
}
