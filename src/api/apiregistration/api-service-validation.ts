import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1035Label, dns1123Subdomain, pathSegment, portNumber } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { APIService } from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxGroupPriority = 20_000;
const maxVersionPriority = 1000;

export function validateApiService({ metadata, spec }: APIService): Errors {
  const { group = "", version = "", groupPriorityMinimum = 0, versionPriority = 0 } = spec ?? {};
  const errors: FieldError[] = [...nameErrors(metadata.name ?? "", `${version}.${group}`)];
  if (group === "" && version !== "v1")
    errors.push(field.required("spec.group", "only v1 may have an empty group and it better be legacy kube"));
  if (group !== "") errors.push(...field.invalidEach("spec.group", group, dns1123Subdomain(group)));
  errors.push(...field.invalidEach("spec.version", version, dns1035Label(version)));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > maxGroupPriority)
    errors.push(
      field.invalid(
        "spec.groupPriorityMinimum",
        groupPriorityMinimum,
        `must be positive and less than ${maxGroupPriority}`,
      ),
    );
  if (versionPriority <= 0 || versionPriority > maxVersionPriority)
    errors.push(
      field.invalid(
        "spec.versionPriority",
        versionPriority,
        `must be positive and less than ${maxVersionPriority}`,
      ),
    );
  return [...errors, ...serverErrors(spec)];
}

function nameErrors(name: string, required: string): Errors {
  const reasons = pathSegment(name);
  if (reasons.length > 0) return field.invalidEach("metadata.name", name, reasons);
  if (name === required) return [];
  const detail = `must be \`spec.version+"."+spec.group\`: ${field.quote(required)}`;
  return [field.invalid("metadata.name", name, detail)];
}

/** Of canonical text: four characters for three bytes, but for the padding. */
function byteLengthOfBase64(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

function serverErrors(spec: APIService["spec"] | undefined): Errors {
  const { service, caBundle = "", insecureSkipTLSVerify } = spec ?? {};
  const errors: FieldError[] = [];
  if (service === undefined) {
    if (caBundle !== "")
      errors.push(
        field.invalid(
          "spec.caBundle",
          `${byteLengthOfBase64(caBundle)} bytes`,
          "local APIServices may not have a caBundle",
        ),
      );
    if (insecureSkipTLSVerify === true)
      errors.push(
        field.invalid(
          "spec.insecureSkipTLSVerify",
          true,
          "local APIServices may not have insecureSkipTLSVerify",
        ),
      );
    return errors;
  }
  const { namespace, name, port = 0 } = service;
  if (!namespace) errors.push(field.required("spec.service.namespace"));
  if (!name) errors.push(field.required("spec.service.name"));
  const reasons = portNumber(port);
  if (reasons.length > 0)
    errors.push(field.invalid("spec.service.port", port, `port is not valid: ${reasons.join(", ")}`));
  if (insecureSkipTLSVerify === true && caBundle !== "")
    errors.push(field.invalid("spec.insecureSkipTLSVerify", true, "may not be true if caBundle is present"));
  return errors;
}
