import { selectorsOf } from "../../api/resource/selectors-of.ts";
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
} from "../../api/resource/types.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { lateChecks } from "../registry/late-checks.ts";

type Selecting = DeviceClass | ResourceClaim | ResourceClaimTemplate;

/** Classes and claims of devices: rules that do not compile, or cost too much, are refused when they are written. */
export const deviceSelectorHooks = lateChecks({
  // What claims and their templates ask for never changes: that it does is told, and nothing else of it.
  contentOf: (object) => (object.kind === "DeviceClass" ? rulesOf(object) : undefined),
  async errorsOf(object) {
    const selectors = rulesOf(object);
    if (selectors.length === 0) return [];
    const { selectorExpressionErrors } = await import("../../api/resource/selector-expressions.ts");
    return selectorExpressionErrors(selectors);
  },
});

function rulesOf(object: AnyObject) {
  return selectorsOf(object as unknown as Selecting); // the stores are theirs
}
