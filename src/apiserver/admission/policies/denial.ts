import { ApiError, type StatusReason } from "../../../apimachinery/api-error.ts";
import { lookupTable } from "../../../base/lookup-table.ts";
import type { PolicyFault } from "../../metrics/admission-hook-metrics.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { refuse } from "../dependencies.ts";

const codes: Readonly<Record<string, number>> = lookupTable({
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
});

/** The refusal of a policy: in the words of admission, with the reason the policy gives. */
export function denial(attributes: AdmissionAttributes, message: string, reason = "Invalid"): ApiError {
  const { status } = refuse(attributes, message);
  return new ApiError({
    ...status,
    reason: reason as StatusReason, // one of the four that a policy may give
    code: codes[reason] ?? 422,
    details: { ...status.details, causes: [...(status.details?.causes ?? []), { message }] },
  });
}

/** What kind of failure an expression's is, as metrics tell it. */
export function faultOf(error: unknown): PolicyFault {
  const message = error instanceof Error ? error.message : "";
  if (message.includes("cost limit exceeded") || message.includes("out of CEL cost budget"))
    return "out_of_budget";
  return message.includes("compilation") ? "compile_error" : "invalid_error";
}
