import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";

const maxDriverNameBytes = 63;

/** What is wrong with the name of a driver, of storage or of devices: a short domain, whatever its case. */
export function driverNameErrors(path: string, name: string | undefined): readonly FieldError[] {
  if (!name) return [field.required(path)];
  const errors = byteLength(name) > maxDriverNameBytes ? [field.tooLong(path, maxDriverNameBytes)] : [];
  return [...errors, ...field.invalidEach(path, name, dns1123Subdomain(name.toLowerCase()))];
}
