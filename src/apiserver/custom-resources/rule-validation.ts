import { isShared } from "../../api/apiextensions/hoisted-fields.ts";
import { internalRule } from "../../api/apiextensions/internal-form.ts";
import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import { add, multiply } from "../../apimachinery/cel/cost-sizes.ts";
import { estimateCost } from "../../apimachinery/cel/estimate.ts";
import { mostInRequest } from "../../apimachinery/cel/types.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import {
  itemsOf,
  type JsonSchema,
  type ValidationRule,
  valuesOf,
} from "../../apimachinery/structural-schema/json-schema.ts";
import * as field from "../../apimachinery/validation.ts";
import { compileRules } from "./compiled-rules.ts";
import { pathOfRule } from "./rule-field-path.ts";

/** Upstream's limits of what rules may cost at worst: one rule, and all of a definition's version. */
const ruleCostLimit = 10_000_000;
const definitionCostLimit = 100_000_000;

/**
 * Whether the rules of a definition compile, fit their place and cost no more than they may. A version whose schema is as it was
 * in the `old` definition may keep rules that cost too much one by one.
 */
export function validateRules(
  crd: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): readonly FieldError[] {
  const schemaBefore = (name: string) =>
    old !== undefined && isShared(old.spec, "schema")
      ? old.spec.versions[0]?.schema
      : old?.spec.versions.find((each) => each.name === name)?.schema;
  return (crd.spec.versions ?? []).flatMap((version, index) => {
    const path = field.child(field.at("spec.versions", index), "schema", "openAPIV3Schema");
    const schema = version.schema?.openAPIV3Schema;
    if (schema === undefined) return [];
    const total = new TotalCost();
    const findings = validateSchema(
      schema,
      {
        path,
        isRoot: true,
        cardinality: 1,
        uncorrelated: undefined,
        anyCost: jsonEqual(schemaBefore(version.name), version.schema),
      },
      total,
    );
    return [...findings.form, ...findings.rules, ...total.errors(path)];
  });
}

/** What all rules of a schema cost together. */
class TotalCost {
  #cost = 0;
  readonly #rules: { readonly path: string; readonly cost: number }[] = [];

  observe(path: string, cost: number): void {
    this.#cost = add(this.#cost, cost);
    this.#rules.push({ path, cost });
  }

  /** Too much: which rules contribute most to it, and by how much it is. */
  errors(path: string): readonly FieldError[] {
    if (this.#cost <= definitionCostLimit) return [];
    const expensive = this.#rules
      .filter(({ cost }) => cost >= definitionCostLimit / 100)
      .toSorted((a, b) => b.cost - a.cost)
      .slice(0, 4);
    return [
      ...expensive.map((rule) =>
        field.forbidden(
          rule.path,
          "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
        ),
      ),
      field.forbidden(
        path,
        costMessage(
          "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema",
          this.#cost,
          definitionCostLimit,
        ),
      ),
    ];
  }
}

interface Place {
  readonly path: string;
  readonly isRoot: boolean;
  /** How many values there may be at this place; undefined: as many as a request holds. */
  readonly cardinality: number | undefined;
  /** What keeps a value here from being found again in the former object. */
  readonly uncorrelated: string | undefined;
  /** Whether single rules may cost what they want. */
  readonly anyCost: boolean;
}

/** What is wrong with rules as they are written; only where nothing is, they are compiled. */
interface Findings {
  readonly form: readonly FieldError[];
  readonly rules: readonly FieldError[];
}

function validateSchema(schema: JsonSchema, place: Place, total: TotalCost): Findings {
  const form: FieldError[] = [];
  const rules: FieldError[] = [];
  const below = (part: JsonSchema | undefined, path: string, change: Partial<Place> = {}) => {
    if (part === undefined) return;
    const found = validateSchema(part, { ...place, path, isRoot: false, ...change }, total);
    form.push(...found.form);
    rules.push(...found.rules);
  };
  const { uncorrelated, cardinality } = place;
  below(valuesOf(schema), field.child(place.path, "additionalProperties"), {
    cardinality: times(cardinality, schema.maxProperties),
  });
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    below(property, field.at(field.child(place.path, "properties"), name));
  below(itemsOf(schema), field.child(place.path, "items"), {
    cardinality: times(cardinality, schema.maxItems),
    uncorrelated: uncorrelated ?? (schema["x-kubernetes-list-type"] === "map" ? undefined : place.path),
  });
  const own = schema["x-kubernetes-validations"] ?? [];
  const path = field.child(place.path, "x-kubernetes-validations");
  form.push(...own.flatMap((rule, index) => validateForm(rule, field.at(path, index), schema)));
  if (own.length > 0 && form.length === 0) rules.push(...validateOwn(schema, place, total));
  return { form, rules };
}

function times(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : left * right;
}

function validateOwn(schema: JsonSchema, place: Place, total: TotalCost): readonly FieldError[] {
  const path = field.child(place.path, "x-kubernetes-validations");
  const { type, rules } = compileRules(schema, place.isRoot);
  // A message is made once; only how often a rule is asked depends on where it stands.
  const times = place.cardinality ?? mostInRequest(type.minBytes);
  return rules.flatMap((compiled, index) => {
    const at = field.at(path, index);
    const errors: FieldError[] = [];
    for (const [name, program] of [
      ["rule", compiled.program],
      ["messageExpression", compiled.message],
    ] as const) {
      if (program === undefined) continue;
      const once = estimateCost(program.syntax, type.size);
      const cost = name === "rule" ? multiply(once, times) : once;
      total.observe(field.child(at, name), cost);
      if (!place.anyCost && cost > ruleCostLimit)
        errors.push(
          field.forbidden(
            field.child(at, name),
            costMessage(
              name === "rule" ? "estimated rule cost" : "estimated messageExpression cost",
              cost,
              ruleCostLimit,
            ),
          ),
        );
    }
    if (compiled.error !== undefined)
      errors.push(field.invalid(field.child(at, "rule"), internalRule(compiled.rule), compiled.error));
    if (compiled.messageError !== undefined)
      errors.push(
        field.invalid(
          field.child(at, "messageExpression"),
          internalRule(compiled.rule),
          compiled.messageError,
        ),
      );
    if (compiled.usesOldSelf && place.uncorrelated !== undefined)
      errors.push(
        field.invalid(
          field.child(at, "rule"),
          compiled.rule.rule,
          `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`,
        ),
      );
    if (
      !compiled.usesOldSelf &&
      compiled.program !== undefined &&
      compiled.rule.optionalOldSelf !== undefined
    )
      errors.push(
        field.invalid(
          field.child(at, "optionalOldSelf"),
          compiled.rule.optionalOldSelf,
          "may not be set if oldSelf is not used in rule",
        ),
      );
    return errors;
  });
}

const newline = /[\n\r]/;
const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

function validateForm(rule: ValidationRule, path: string, schema: JsonSchema): readonly FieldError[] {
  const { message, messageExpression, reason, fieldPath } = rule;
  const errors: FieldError[] = [];
  const text = rule.rule.trim();
  if (text === "") errors.push(field.required(field.child(path, "rule"), "rule is not specified"));
  else if (message && message.trim() === "")
    errors.push(field.invalid(field.child(path, "message"), message, "must be non-empty if specified"));
  else if (newline.test(message?.trim() ?? ""))
    errors.push(field.invalid(field.child(path, "message"), message, "must not contain line breaks"));
  else if (newline.test(text) && !message?.trim())
    errors.push(
      field.required(field.child(path, "message"), "message must be specified if rule contains line breaks"),
    );
  if (messageExpression && messageExpression.trim() === "")
    errors.push(
      field.required(
        field.child(path, "messageExpression"),
        "messageExpression must be non-empty if specified",
      ),
    );
  if (reason !== undefined && !reasons.includes(reason))
    errors.push(field.notSupported(field.child(path, "reason"), reason, reasons));
  if (fieldPath && fieldPath.trim() === "")
    errors.push(field.invalid(field.child(path, "fieldPath"), fieldPath, "must be non-empty if specified"));
  if (newline.test(fieldPath ?? ""))
    errors.push(field.invalid(field.child(path, "fieldPath"), fieldPath, "must not contain line breaks"));
  if (fieldPath && pathOfRule("", fieldPath, schema) === undefined)
    errors.push(field.invalid(field.child(path, "fieldPath"), fieldPath, "must be a valid path"));
  return errors;
}

function costMessage(what: string, cost: number, limit: number): string {
  const exceeds = cost / limit;
  const factor =
    exceeds > 100 ? "more than 100x" : exceeds < 1.5 ? `${exceeds.toFixed(6)}x` : `${exceeds.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
