/** Paths of files inside volumes and mounts. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";

type Errors = readonly FieldError[];

/** No element of the path leads upwards. */
export function pathBackstepErrors(path: string, value: string): Errors {
  return value.split("/").includes("..") ? [field.invalid(path, value, "must not contain '..'")] : [];
}

/** A relative path that stays below where it starts. */
export function descendingPathErrors(path: string, value: string): Errors {
  const absolute = value.startsWith("/") ? [field.invalid(path, value, "must be a relative path")] : [];
  return [...absolute, ...pathBackstepErrors(path, value)];
}

/** As above, and no name that the kubelet keeps for itself (`..data`). */
export function nonReservedPathErrors(path: string, value: string): Errors {
  const errors = [...descendingPathErrors(path, value)];
  if (value.startsWith("..") && !value.startsWith("../"))
    errors.push(field.invalid(path, value, "must not start with '..'"));
  return errors;
}

export function fileModeErrors(path: string, mode: number | undefined): Errors {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return [];
  return [field.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}
