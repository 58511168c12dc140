import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, dns1123Subdomain, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Event } from "./types.generated.ts";

/** Events stand in the namespace of what they are about; those of the newer form must say more. */
export function validateEvent(event: Event): readonly FieldError[] {
  const namespace = event.metadata.namespace ?? "";
  const about = event.involvedObject?.namespace ?? "";
  const errors: FieldError[] = [];
  const isNew = event.eventTime !== undefined && event.eventTime !== null;
  // What has no namespace is told of in the default one, by the newer form also in the system's.
  const forClusterWide = isNew ? ["default", "kube-system"] : ["", "default"];
  const fits = about === "" ? forClusterWide.includes(namespace) : isNew || about === namespace;
  if (!fits) errors.push(field.invalid("involvedObject.namespace", about, "does not match event.namespace"));
  if (isNew) errors.push(...newFormErrors(event));
  errors.push(...field.invalidEach("namespace", namespace, dns1123Subdomain(namespace)));
  return errors;
}

const maxFieldBytes = 128;
const maxMessageBytes = 1024;

function newFormErrors(event: Event): readonly FieldError[] {
  const { reportingComponent = "", reportingInstance = "", action = "", reason = "", message = "" } = event;
  const errors: FieldError[] = [];
  if (reportingComponent === "") errors.push(field.required("reportingComponent"));
  errors.push(
    ...field.invalidEach("reportingComponent", reportingComponent, qualifiedName(reportingComponent)),
  );
  for (const [name, value] of Object.entries({ reportingInstance, action, reason })) {
    if (value === "") errors.push(field.required(name));
    if (byteLength(value) > maxFieldBytes)
      errors.push(field.invalid(name, "", `can have at most ${maxFieldBytes} characters`));
  }
  if (byteLength(message) > maxMessageBytes)
    errors.push(field.invalid("message", "", `can have at most ${maxMessageBytes} characters`));
  return errors;
}
