import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";

const maxDomainBytes = 253;
/** A domain, a namespace and a name, with a slash and a dot between them. */
const maxSignerBytes = 571;

/** `example.com/my-signer`: a domain and a path. */
export function signerNameErrors(path: string, name: string): readonly FieldError[] {
  if (name === "") return [field.required(path)];
  const [domain = "", rest = "", ...others] = name.split("/");
  if (others.length > 0 || !name.includes("/"))
    return [
      field.invalid(
        path,
        name,
        "must be a fully qualified domain and path of the form 'example.com/signer-name'",
      ),
    ];
  const errors: FieldError[] =
    byteLength(domain) > maxDomainBytes ? [field.tooLong(path, maxDomainBytes)] : [];
  const labels = domain.split(".");
  errors.push(...firstPartErrors(path, domain, labels, dns1123Label));
  if (labels.length < 2)
    errors.push(
      field.invalid(path, domain, "should be a domain with at least two segments separated by dots"),
    );
  errors.push(...firstPartErrors(path, rest, rest.split("."), dns1123Subdomain));
  if (byteLength(name) > maxSignerBytes) errors.push(field.tooLong(path, maxSignerBytes));
  return errors;
}

/** What is wrong with the first part that is wrong: the others would only say it again. */
function firstPartErrors(
  path: string,
  whole: string,
  parts: readonly string[],
  check: (part: string) => readonly string[],
): readonly FieldError[] {
  const wrong = parts.find((part) => check(part).length > 0);
  if (wrong === undefined) return [];
  return check(wrong).map((reason) =>
    field.invalid(path, whole, `validating label ${field.quote(wrong)}: ${reason}`),
  );
}
