import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from "../../../api/admissionregistration/types.generated.ts";
import { CelRuntimeError } from "../../../apimachinery/cel/environment.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { conditionsHold } from "./conditions.ts";
import { denial } from "./denial.ts";
import { type ExpressionInput, Expressions, expressionInput } from "./expressions.ts";
import type { PolicyDependencies } from "./policy-dependencies.ts";
import { boundPolicies, type PolicyMatch } from "./policy-match.ts";

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;

/** What a policy says of a request. */
interface Refusal {
  readonly policy: Policy;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly reason?: string;
}

const compiled = new WeakMap<Policy, Expressions>();

function expressionsOf(policy: Policy): Expressions {
  let known = compiled.get(policy);
  if (known === undefined) {
    const { paramKind, variables = [] } = policy.spec;
    known = new Expressions({ hasParams: paramKind !== undefined, variables });
    compiled.set(policy, known);
  }
  return known;
}

/** Throws the first refusal of a binding that denies; those that warn do. */
export async function validateByPolicies(
  dependencies: PolicyDependencies,
  policies: readonly Policy[],
  bindings: readonly Binding[],
  attributes: AdmissionAttributes,
): Promise<void> {
  const refusals: Refusal[] = [];
  const refuse = (refusal: Refusal) => {
    if (refusal.policy.spec.failurePolicy !== "Ignore") refusals.push(refusal);
  };
  for await (const match of boundPolicies(dependencies, policies, bindings, attributes)) {
    if (match.error !== undefined) {
      const { policy, binding, error } = match;
      const what = binding === undefined ? "policy" : "binding";
      refuse({ policy, binding, message: `failed to configure ${what}: ${error}` });
      continue;
    }
    for (const params of match.params)
      for (const refusal of await evaluatePolicy(dependencies, match, params)) {
        const { policy, binding } = match;
        for (const action of binding.spec.validationActions ?? []) {
          if (action === "Deny") refusals.push({ policy, binding, ...refusal });
          if (action === "Warn")
            attributes.warn(
              `Validation failed for ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}': ${refusal.message}`,
            );
        }
      }
  }
  const [first] = refusals;
  if (first === undefined) return;
  const { policy, binding, message, reason } = first;
  const by = binding === undefined ? "" : ` with binding '${binding.metadata.name}'`;
  throw denial(
    attributes,
    `ValidatingAdmissionPolicy '${policy.metadata.name}'${by} denied request: ${message}`,
    reason,
  );
}

type Verdict = Pick<Refusal, "message" | "reason">;

async function evaluatePolicy(
  dependencies: PolicyDependencies,
  { policy, request, namespace }: PolicyMatch<Policy, Binding>,
  params: AnyObject | null,
): Promise<readonly Verdict[]> {
  const expressions = expressionsOf(policy);
  const input = expressionInput({
    request,
    authorizer: dependencies.authorizer,
    namespace,
    ...(policy.spec.paramKind === undefined ? {} : { params }),
  });
  const isIgnored = policy.spec.failurePolicy === "Ignore";
  const failed = (error: unknown): readonly Verdict[] => {
    if (!(error instanceof CelRuntimeError)) throw error;
    return isIgnored ? [] : [{ message: error.message }];
  };
  const { matchConditions = [], validations = [], auditAnnotations = [] } = policy.spec;
  try {
    if (!(await conditionsHold(matchConditions, expressions, input))) return [];
  } catch (error) {
    return failed(error);
  }
  const verdicts: Verdict[] = [];
  for (const validation of validations) {
    try {
      const holds = await expressions.evaluate(validation.expression, input, { wanted: ["bool"] });
      if (holds !== true) verdicts.push(await verdictOf(validation, expressions, input));
    } catch (error) {
      verdicts.push(...failed(error));
    }
  }
  for (const { valueExpression } of auditAnnotations) {
    try {
      // Their values are for the audit log; what fails refuses like any other expression.
      await expressions.evaluate(valueExpression, input);
    } catch (error) {
      verdicts.push(...failed(error));
    }
  }
  return verdicts;
}

const maxMessageBytes = 5 * 1024;

async function verdictOf(
  { expression, message, messageExpression, reason }: Validation,
  expressions: Expressions,
  input: ExpressionInput,
): Promise<Verdict> {
  const said =
    messageExpression === undefined ? undefined : await messageOf(messageExpression, expressions, input);
  return {
    message: said ?? (message?.trim() || `failed expression: ${expression.trim()}`),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Undefined: it says nothing that can be shown. */
async function messageOf(
  expression: string,
  expressions: Expressions,
  input: ExpressionInput,
): Promise<string | undefined> {
  try {
    const text = await expressions.evaluate(expression, input, { wanted: ["string"] });
    const trimmed = typeof text === "string" ? text.trim() : "";
    return trimmed === "" || trimmed.includes("\n") || trimmed.length > maxMessageBytes ? undefined : trimmed;
  } catch (error) {
    if (error instanceof CelRuntimeError) return undefined;
    throw error;
  }
}
