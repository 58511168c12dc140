import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import { hasRules } from "../../apimachinery/structural-schema/json-schema.ts";
import type { RuleMetrics } from "../metrics/rule-metrics.ts";
import type { ConversionDependencies } from "./conversion-webhook.ts";
import type { PreparedDefinition } from "./definition.ts";
import type { RuleChecker } from "./rules.ts";

/** What serving a definition takes beside the definition itself; CEL is loaded where there are rules. */
export async function prepareDefinition(
  crd: CustomResourceDefinition,
  dependencies: ConversionDependencies & { readonly ruleMetrics: RuleMetrics },
): Promise<PreparedDefinition> {
  const rules = new Map<string, RuleChecker>();
  for (const { name, schema } of crd.spec.versions) {
    if (schema?.openAPIV3Schema === undefined || !hasRules(schema.openAPIV3Schema)) continue;
    const { createRuleChecker } = await import("./rule-checker.ts");
    const checker = createRuleChecker(schema.openAPIV3Schema, { metrics: dependencies.ruleMetrics });
    if (checker !== undefined) rules.set(name, checker);
  }
  const { conversion } = crd.spec;
  if (conversion?.strategy !== "Webhook") return { rules };
  const { webhookConverter } = await import("./conversion-webhook.ts");
  return { rules, convertAll: webhookConverter(conversion, dependencies) };
}
