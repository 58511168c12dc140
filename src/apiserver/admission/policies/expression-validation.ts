import type {
  MatchCondition,
  MutatingAdmissionPolicySpec,
  ValidatingAdmissionPolicySpec,
} from "../../../api/admissionregistration/types.generated.ts";
import type { FieldError } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import * as field from "../../../apimachinery/validation.ts";
import { Expressions } from "./expressions.ts";
import { withoutObjectLiterals } from "./object-literals.ts";

/** What does not compile in a policy or a webhook configuration. */
export function expressionErrors(object: AnyObject): readonly FieldError[] {
  switch (object.kind) {
    case "ValidatingAdmissionPolicy":
      return validatingErrors(object.spec as ValidatingAdmissionPolicySpec); // of its kind
    case "MutatingAdmissionPolicy":
      return mutatingErrors(object.spec as MutatingAdmissionPolicySpec); // of its kind
    default:
      return webhookErrors(
        (object.webhooks ?? []) as readonly { readonly matchConditions?: readonly MatchCondition[] }[],
      ); // a configuration
  }
}

class Checker {
  readonly errors: FieldError[] = [];
  readonly #expressions: Expressions;

  constructor(expressions: Expressions) {
    this.#expressions = expressions;
  }

  check(path: string, expression: string | undefined, wanted?: readonly string[], source = expression): void {
    if (expression === undefined || expression.trim() === "" || source === undefined) return;
    this.#note(path, expression, this.#expressions.faultOf(source, wanted));
  }

  variables(variables: readonly { readonly expression: string }[]): void {
    for (const [index, { expression }] of variables.entries())
      this.#note(`spec.variables[${index}].expression`, expression, this.#expressions.faultOfVariable(index));
  }

  #note(path: string, expression: string, fault: string | undefined): void {
    if (fault === undefined) return;
    const isCompilation = fault.startsWith("ERROR");
    this.errors.push(field.invalid(path, expression, isCompilation ? `compilation failed: ${fault}` : fault));
  }

  conditions(path: string, conditions: readonly MatchCondition[] | undefined): void {
    for (const [index, { expression }] of (conditions ?? []).entries())
      this.check(field.child(field.at(path, index), "expression"), expression, ["bool"]);
  }
}

function validatingErrors(spec: ValidatingAdmissionPolicySpec): readonly FieldError[] {
  const { paramKind, variables = [], validations = [], auditAnnotations = [] } = spec;
  const checker = new Checker(new Expressions({ hasParams: paramKind !== undefined, variables }));
  checker.variables(variables);
  checker.conditions("spec.matchConditions", spec.matchConditions);
  for (const [index, { expression, messageExpression }] of validations.entries()) {
    checker.check(`spec.validations[${index}].expression`, expression, ["bool"]);
    checker.check(`spec.validations[${index}].messageExpression`, messageExpression, ["string"]);
  }
  for (const [index, { valueExpression }] of auditAnnotations.entries())
    checker.check(`spec.auditAnnotations[${index}].valueExpression`, valueExpression, ["string", "null"]);
  return checker.errors;
}

function mutatingErrors(spec: MutatingAdmissionPolicySpec): readonly FieldError[] {
  const { paramKind, variables = [], mutations = [] } = spec;
  const plain = variables.map(({ name, expression }) => ({
    name,
    expression: withoutObjectLiterals(expression),
  }));
  const checker = new Checker(
    new Expressions({ hasParams: paramKind !== undefined, variables: plain, isMutation: true }),
  );
  checker.variables(variables);
  checker.conditions("spec.matchConditions", spec.matchConditions);
  for (const [index, { applyConfiguration, jsonPatch }] of mutations.entries())
    for (const [name, part] of Object.entries({ applyConfiguration, jsonPatch }))
      if (part?.expression !== undefined)
        checker.check(
          `spec.mutations[${index}].${name}.expression`,
          part.expression,
          undefined,
          withoutObjectLiterals(part.expression),
        );
  return checker.errors;
}

function webhookErrors(
  webhooks: readonly { readonly matchConditions?: readonly MatchCondition[] }[],
): readonly FieldError[] {
  const checker = new Checker(new Expressions({ hasParams: false }));
  for (const [index, { matchConditions }] of webhooks.entries())
    checker.conditions(`webhooks[${index}].matchConditions`, matchConditions);
  return checker.errors;
}
