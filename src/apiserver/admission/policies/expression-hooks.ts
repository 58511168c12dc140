import type { FieldError } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import { jsonEqual } from "../../../apimachinery/patch/json-value.ts";
import type { StoreHooks } from "../../registry/store-calls.ts";

/** Kinds with expressions: what does not compile is refused when it is written. CEL is loaded with the first of them. */
export const expressionHooks: StoreHooks = {
  async beginCreate(object) {
    return { object, errors: await expressionErrorsOf(object), finish() {} };
  },
  async beginUpdate(object, old) {
    // What was there before may stay, whatever the language came to think of it.
    const errors = jsonEqual(contentOf(object), contentOf(old)) ? [] : await expressionErrorsOf(object);
    return { object, errors, finish() {} };
  },
};

function contentOf({ spec, webhooks }: AnyObject): unknown {
  return spec ?? webhooks;
}

async function expressionErrorsOf(object: AnyObject): Promise<readonly FieldError[]> {
  const webhooks = (object.webhooks ?? []) as readonly { readonly matchConditions?: readonly unknown[] }[]; // a configuration's
  if (object.spec === undefined && !webhooks.some(({ matchConditions = [] }) => matchConditions.length > 0))
    return [];
  const { expressionErrors } = await import("./expression-validation.ts");
  return expressionErrors(object);
}
