import type { FieldError } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import { lateChecks } from "../../registry/late-checks.ts";

/** Kinds with expressions: what does not compile is refused when it is written. CEL is loaded with the first of them. */
export const expressionHooks = lateChecks({
  contentOf: ({ spec, webhooks }) => spec ?? webhooks,
  errorsOf: expressionErrorsOf,
});

async function expressionErrorsOf(object: AnyObject): Promise<readonly FieldError[]> {
  const webhooks = (object.webhooks ?? []) as readonly { readonly matchConditions?: readonly unknown[] }[]; // a configuration's
  if (object.spec === undefined && !webhooks.some(({ matchConditions = [] }) => matchConditions.length > 0))
    return [];
  const { expressionErrors } = await import("./expression-validation.ts");
  return expressionErrors(object);
}
