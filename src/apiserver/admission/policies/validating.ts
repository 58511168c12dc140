import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from "../../../api/admissionregistration/types.generated.ts";
import { CelRuntimeError } from "../../../apimachinery/cel/environment.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { PolicyAction, PolicyFault } from "../../metrics/admission-hook-metrics.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { annotateFailure, CollectedAnnotations } from "./audit-annotations.ts";
import { conditionsHold } from "./conditions.ts";
import { denial, faultOf } from "./denial.ts";
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
  const collected = new CollectedAnnotations();
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
    for (const params of match.params) {
      const { verdicts, annotations, failures } = await evaluatePolicy(
        dependencies,
        match,
        params,
        attributes,
      );
      refusals.push(...verdicts.flatMap((verdict) => enforce(attributes, match, verdict)));
      for (const [key, value] of annotations) collected.add(match.policy, key, value);
      // What cannot be annotated is refused, whatever the binding's actions are.
      for (const message of failures) refuse({ policy: match.policy, binding: match.binding, message });
    }
  }
  collected.publish(attributes);
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

/** What a binding makes of a validation that does not hold: warnings, entries in the audit log, refusals. */
function enforce(
  attributes: AdmissionAttributes,
  { policy, binding }: PolicyMatch<Policy, Binding>,
  verdict: Verdict,
): Refusal[] {
  const { validationActions = [] } = binding.spec;
  const { message, expressionIndex } = verdict;
  const names = { policy: policy.metadata.name ?? "", binding: binding.metadata.name ?? "" };
  if (validationActions.includes("Audit"))
    annotateFailure(attributes, { message, ...names, expressionIndex, validationActions });
  if (validationActions.includes("Warn"))
    attributes.warn(
      `Validation failed for ValidatingAdmissionPolicy '${names.policy}' with binding '${names.binding}': ${message}`,
    );
  return validationActions.includes("Deny") ? [{ policy, binding, ...verdict }] : [];
}

type Verdict = Pick<Refusal, "message" | "reason"> & { readonly expressionIndex: number };

interface Evaluation {
  readonly verdicts: readonly Verdict[];
  /** For the audit log: keys with their values. */
  readonly annotations: readonly (readonly [string, string])[];
  /** Why annotations could not be made. */
  readonly failures: readonly string[];
}

const nothing: Evaluation = { verdicts: [], annotations: [], failures: [] };

async function evaluatePolicy(
  dependencies: PolicyDependencies,
  { policy, binding, request, namespace }: PolicyMatch<Policy, Binding>,
  params: AnyObject | null,
  { course }: AdmissionAttributes,
): Promise<Evaluation> {
  const { validationActions = [] } = binding.spec;
  const count = (fault: PolicyFault, holds: boolean, startedMs: number) => {
    const actions = holds ? ["Allow"] : validationActions;
    for (const action of actions)
      course?.metrics.checked(
        policy.metadata.name ?? "",
        binding.metadata.name ?? "",
        fault,
        action.toLowerCase() as PolicyAction, // the API's words in lower case
        (course.now() - startedMs) / 1000,
      );
  };
  const expressions = expressionsOf(policy);
  const input = expressionInput({
    request,
    authorizer: dependencies.authorizer,
    namespace,
    ...(policy.spec.paramKind === undefined ? {} : { params }),
  });
  const isIgnored = policy.spec.failurePolicy === "Ignore";
  const failed = (error: unknown, expressionIndex = 0): readonly Verdict[] => {
    if (!(error instanceof CelRuntimeError)) throw error;
    return isIgnored ? [] : [{ message: error.message, expressionIndex }];
  };
  const { matchConditions = [], validations = [] } = policy.spec;
  try {
    if (!(await conditionsHold(matchConditions, expressions, input))) return nothing;
  } catch (error) {
    return { ...nothing, verdicts: failed(error) };
  }
  const verdicts: Verdict[] = [];
  for (const [index, validation] of validations.entries()) {
    const startedMs = course?.now() ?? 0;
    try {
      const holds = await expressions.evaluate(validation.expression, input, { wanted: ["bool"] });
      count("no_error", holds === true, startedMs);
      if (holds !== true)
        verdicts.push({ ...(await verdictOf(validation, expressions, input)), expressionIndex: index });
    } catch (error) {
      count(faultOf(error), isIgnored, startedMs);
      verdicts.push(...failed(error, index));
    }
  }
  return { verdicts, ...(await annotationsOf(policy, expressions, input)) };
}

async function annotationsOf(
  { spec: { auditAnnotations = [] } }: Policy,
  expressions: Expressions,
  input: ExpressionInput,
): Promise<Pick<Evaluation, "annotations" | "failures">> {
  const annotations: [string, string][] = [];
  const failures: string[] = [];
  for (const { key, valueExpression } of auditAnnotations) {
    try {
      const value = await expressions.evaluate(valueExpression, input);
      const text = typeof value === "string" ? value.trim() : "";
      if (text !== "") annotations.push([key, text]);
    } catch (error) {
      if (!(error instanceof CelRuntimeError)) throw error;
      failures.push(error.message);
    }
  }
  return { annotations, failures };
}

const maxMessageBytes = 5 * 1024;

async function verdictOf(
  { expression, message, messageExpression, reason }: Validation,
  expressions: Expressions,
  input: ExpressionInput,
): Promise<Pick<Refusal, "message" | "reason">> {
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
