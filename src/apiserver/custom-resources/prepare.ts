import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import type { PreparedDefinition } from "./definition.ts";
import type { RuleChecker } from "./rules.ts";

/** What serving a definition takes beside the definition itself. */
export async function prepareDefinition(
  _crd: CustomResourceDefinition,
  _dependencies: object,
): Promise<PreparedDefinition> {
  const rules = new Map<string, RuleChecker>();
  return { rules };
}
