import type { MatchCondition } from "../../../api/admissionregistration/types.generated.ts";
import { CelRuntimeError } from "../../../apimachinery/cel/environment.ts";
import { type ExpressionInput, Expressions } from "./expressions.ts";

/** Whether all conditions hold. Throws CelRuntimeError when none is false and one fails. */
export async function conditionsHold(
  conditions: readonly MatchCondition[],
  expressions: Expressions,
  input: ExpressionInput,
): Promise<boolean> {
  const failures: string[] = [];
  for (const { name, expression } of conditions) {
    try {
      if ((await expressions.evaluate(expression, input, { wanted: ["bool"] })) === false) return false;
    } catch (error) {
      if (!(error instanceof CelRuntimeError)) throw error;
      failures.push(`${name}: ${error.message}`);
    }
  }
  if (failures.length > 0)
    throw new CelRuntimeError(failures.length === 1 ? (failures[0] ?? "") : `[${failures.join(", ")}]`);
  return true;
}

const ofWebhook = new WeakMap<object, Expressions>();

/** The expressions of a webhook's conditions, compiled once for each state of its configuration. */
export function webhookExpressions(webhook: object): Expressions {
  let known = ofWebhook.get(webhook);
  if (known === undefined) {
    known = new Expressions({ hasParams: false });
    ofWebhook.set(webhook, known);
  }
  return known;
}
