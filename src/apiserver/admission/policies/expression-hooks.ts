import { invalid } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import { jsonEqual } from "../../../apimachinery/patch/json-value.ts";
import type { StoreHooks } from "../../registry/store-calls.ts";

/** Kinds with expressions: what does not compile is refused when it is written. CEL is loaded with the first of them. */
export const expressionHooks: StoreHooks = {
  async beginCreate(object) {
    await checkExpressions(object);
    return { object, finish() {} };
  },
  async beginUpdate(object, old) {
    // What was there before may stay, whatever the language came to think of it.
    if (!jsonEqual(contentOf(object), contentOf(old))) await checkExpressions(object);
    return { object, finish() {} };
  },
};

function contentOf({ spec, webhooks }: AnyObject): unknown {
  return spec ?? webhooks;
}

async function checkExpressions(object: AnyObject): Promise<void> {
  const webhooks = (object.webhooks ?? []) as readonly { readonly matchConditions?: readonly unknown[] }[]; // a configuration's
  if (object.spec === undefined && !webhooks.some(({ matchConditions = [] }) => matchConditions.length > 0))
    return;
  const { expressionErrors } = await import("./expression-validation.ts");
  const errors = expressionErrors(object);
  if (errors.length > 0)
    throw invalid(
      { group: "admissionregistration.k8s.io", kind: object.kind ?? "" },
      object.metadata.name ?? "",
      errors,
    );
}
