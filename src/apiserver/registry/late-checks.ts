import type { AnyObject } from "../../apimachinery/meta.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import type { FieldErrors } from "../../apimachinery/validation.ts";
import type { StoreHooks } from "./store-calls.ts";

/**
 * Validation that needs code which most clusters never use (CEL, signatures), or waits: it is loaded with the first object that has
 * something to check. `contentOf` is what is checked: where an update leaves it alone it may stay, whatever is thought of it now.
 */
export function lateChecks(checks: {
  readonly contentOf: (object: AnyObject) => unknown;
  readonly errorsOf: (object: AnyObject) => Promise<FieldErrors>;
}): StoreHooks {
  const { contentOf, errorsOf } = checks;
  const judged = async (object: AnyObject) => ({ object, errors: await errorsOf(object), finish() {} });
  return {
    beginCreate: judged,
    beginUpdate: async (object, old) =>
      jsonEqual(contentOf(object), contentOf(old)) ? { object, finish() {} } : judged(object),
  };
}
