/** Groups of the Kubernetes community need their API's approval: an annotation that links to it. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import type { CustomResourceDefinition } from "./types.generated.ts";

const annotation = "api-approved.kubernetes.io";
const see = "see https://github.com/kubernetes/enhancements/pull/1111";

export type ApprovalState = "Approved" | "Bypassed" | "Missing" | "Invalid";

/** Undefined: the group belongs to nobody in particular. */
export function approvalOf({
  spec,
  metadata,
}: CustomResourceDefinition):
  | { readonly state: ApprovalState; readonly reason: string; readonly value: string }
  | undefined {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(spec.group ?? "")) return undefined;
  const value = metadata.annotations?.[annotation] ?? "";
  const needs = `protected groups must have approval annotation ${JSON.stringify(annotation)}`;
  if (value === "") return { state: "Missing", reason: `${needs}, ${see}`, value };
  if (value.startsWith("unapproved"))
    return { state: "Bypassed", reason: `not approved: ${JSON.stringify(value)}`, value };
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/?#\s%]+(?:[/?#](?:[^%\s]|%[0-9a-f]{2})*)?$/i.test(value))
    return { state: "Approved", reason: `approved in ${value}`, value };
  return {
    state: "Invalid",
    reason: `${needs} with either a URL or a reason starting with "unapproved", ${see}`,
    value,
  };
}

/** `old`: what was wrong before may stay so. */
export function approvalErrors(
  crd: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): readonly FieldError[] {
  const approval = approvalOf(crd);
  if (approval === undefined || (old !== undefined && approvalOf(old)?.state === approval.state)) return [];
  const path = field.at("metadata.annotations", annotation);
  if (approval.state === "Missing") return [field.required(path, approval.reason)];
  return approval.state === "Invalid" ? [field.invalid(path, approval.value, approval.reason)] : [];
}
