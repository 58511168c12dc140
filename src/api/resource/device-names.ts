/** Names of pools, devices and their attributes, and lists with a limit. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, cIdentifier, dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { driverNameErrors } from "../storage/driver-name.ts";

type Errors = readonly FieldError[];

const maxPoolNameBytes = 253;
const maxIdentifierBytes = 32;

/** `rack-1/row-2`: one or more domains. */
export function poolNameErrors(path: string, name: string | undefined): Errors {
  if (!name) return [field.required(path)];
  const errors = byteLength(name) > maxPoolNameBytes ? [field.tooLong(path, maxPoolNameBytes)] : [];
  return [
    ...errors,
    ...name.split("/").flatMap((part) => field.invalidEach(path, part, dns1123Subdomain(part))),
  ];
}

/** A device, a request, a counter. */
export function labelErrors(path: string, name = ""): Errors {
  return field.invalidEach(path, name, dns1123Label(name));
}

/** An attribute or capacity: an identifier, of a domain where it says so. */
export function qualifiedNameErrors(path: string, name: string): Errors {
  const parts = name.split("/");
  const [domain = "", identifier = ""] = parts;
  if (parts.length === 1) return identifierErrors(path, domain);
  // Upstream looks at no more than two parts, and lets in what has more.
  if (parts.length > 2) return [];
  return [
    ...(domain === ""
      ? [field.invalid(path, "", "the domain must not be empty")]
      : driverNameErrors(path, domain)),
    ...(identifier === ""
      ? [field.invalid(path, "", "the name must not be empty")]
      : identifierErrors(path, identifier)),
  ];
}

/** As `qualifiedNameErrors`, where nothing tells the domain. */
export function fullyQualifiedNameErrors(path: string, name: string): Errors {
  const errors = qualifiedNameErrors(path, name);
  if (name.includes("/")) return errors;
  const detail = "a fully qualified name must be a domain and a name separated by a slash";
  return [...errors, field.invalid(path, name, detail)];
}

function identifierErrors(path: string, name: string): Errors {
  const errors = byteLength(name) > maxIdentifierBytes ? [field.tooLong(path, maxIdentifierBytes)] : [];
  return [...errors, ...field.invalidEach(path, name, cIdentifier(name))];
}

/** The errors of each item; of a list that is too long only that it is, since its items could be many. */
export function limitedErrors<T>(
  path: string,
  list: readonly T[] | undefined,
  maxItems: number,
  check: (item: T, path: string) => Errors,
): Errors {
  const count = list?.length ?? 0;
  return count > maxItems ? [field.tooMany(path, count, maxItems)] : field.each(path, list, check);
}

/** As `limitedErrors`, and no two items have the same key. */
export function limitedSetErrors<T>(
  path: string,
  list: readonly T[] | undefined,
  maxItems: number,
  check: (item: T, path: string) => Errors,
  keyOf: (item: T) => string,
): Errors {
  const errors = limitedErrors(path, list, maxItems, check);
  if ((list?.length ?? 0) > maxItems) return errors;
  return [
    ...errors,
    ...field.unique(list, keyOf, (index, item) => field.duplicate(field.at(path, index), keyOf(item))),
  ];
}
