import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  CelRuntimeError,
  CostBudget,
  type Program,
  perCallCostLimit,
} from "../../apimachinery/cel/environment.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import {
  isObject,
  itemsOf,
  type JsonSchema,
  type ValidationRule,
  valuesOf,
} from "../../apimachinery/structural-schema/json-schema.ts";
import { correlatedItems } from "../../apimachinery/structural-schema/validate.ts";
import * as field from "../../apimachinery/validation.ts";
import { type CompiledRule, compileRules, type RulesOfSchema, ruleVariables } from "./compiled-rules.ts";
import { pathOfRule } from "./rule-field-path.ts";
import type { RuleChecker } from "./rules.ts";

/** Upstream's limit for all rules of one object (`RuntimeCELCostBudget`). */
const objectCostLimit = 10_000_000;

/** What of a schema has rules, in the schema's own form. */
interface Node {
  readonly schema: JsonSchema;
  /** Compiled when a value is first checked: most kinds have few objects, and some have hundreds of rules. */
  readonly own: (() => RulesOfSchema) | undefined;
  readonly properties: ReadonlyMap<string, Node>;
  readonly items: Node | undefined;
  readonly values: Node | undefined;
  readonly allOf: readonly Node[];
}

/** Passes on what the work gives; who measures it looks at the clock. */
type Measure = <T>(work: () => T) => T;

interface RuleCheckerOptions {
  /** Where its values are. */
  readonly path?: string;
  /** They are whole objects. */
  readonly isRoot?: boolean;
  readonly metrics?: { compile: Measure; evaluate: Measure };
}

const unmeasured: Measure = (work) => work();

/** The checker of a schema's rules; undefined: it has none. */
export function createRuleChecker(
  schema: JsonSchema,
  { path = "", isRoot = true, metrics }: RuleCheckerOptions = {},
): RuleChecker | undefined {
  const { compile, evaluate } = metrics ?? { compile: unmeasured, evaluate: unmeasured };
  const root = nodeOf(schema, isRoot, compile);
  if (root === undefined) return undefined;
  return {
    check: (object, old, tolerate) =>
      evaluate(() => {
        const run = new Run();
        run.visit(root, object, old, path, false);
        if (tolerate !== undefined) for (const error of run.tolerated) tolerate(error);
        return run.errors;
      }),
  };
}

function nodeOf(schema: JsonSchema | undefined, isRoot: boolean, compile: Measure): Node | undefined {
  if (schema === undefined) return undefined;
  const properties = new Map<string, Node>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = nodeOf(property, false, compile);
    if (node !== undefined) properties.set(name, node);
  }
  const items = nodeOf(itemsOf(schema), false, compile);
  const values = nodeOf(valuesOf(schema), false, compile);
  const allOf = (schema.allOf ?? []).flatMap((part) => {
    // What is said of a part is said of the whole's value, so it has the whole's type.
    const node = nodeOf(withRulesOf(schema, part), isRoot, compile);
    return node?.own === undefined ? [] : [node];
  });
  const hasRules = (schema["x-kubernetes-validations"] ?? []).length > 0;
  if (!hasRules && properties.size === 0 && items === undefined && values === undefined && allOf.length === 0)
    return undefined;
  return {
    schema,
    own: hasRules ? once(() => compile(() => compileRules(schema, isRoot))) : undefined,
    properties,
    items,
    values,
    allOf,
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function withRulesOf(schema: JsonSchema, part: JsonSchema): JsonSchema {
  const { allOf: _parts, ...rest } = schema;
  return { ...rest, "x-kubernetes-validations": part["x-kubernetes-validations"] ?? [] };
}

/** The rules over one object. */
class Run {
  readonly errors: FieldError[] = [];
  /** What would be refused, were it not so before. */
  readonly tolerated: FieldError[] = [];
  readonly #budget = new CostBudget(objectCostLimit);
  #isOver = false;

  /** `unchanged`: the value, or what it is in, is as it was: only transition rules may refuse it. */
  visit(node: Node, value: unknown, old: unknown, path: string, unchanged: boolean): void {
    if (value === null || value === undefined || this.#isOver) return;
    const isSame = unchanged || (old !== undefined && jsonEqual(value, old));
    const own = node.own?.();
    if (own !== undefined)
      for (const rule of own.rules) this.#check(own, rule, { node, value, old, path, isSame });
    for (const part of node.allOf) this.visit(part, value, old, path, unchanged);
    if (Array.isArray(value)) this.#visitItems(node, value, old, path, isSame);
    else if (isObject(value)) this.#visitMembers(node, value, old, path, isSame);
  }

  #visitItems(node: Node, list: readonly unknown[], old: unknown, path: string, isSame: boolean): void {
    const { items } = node;
    if (items === undefined) return;
    const before = correlatedItems(node.schema, old);
    for (const [index, item] of list.entries())
      this.visit(items, item, before(item), field.at(path, index), isSame);
  }

  #visitMembers(
    node: Node,
    object: Readonly<Record<string, unknown>>,
    old: unknown,
    path: string,
    isSame: boolean,
  ): void {
    for (const [name, member] of Object.entries(object)) {
      const property = node.properties.get(name);
      const below = property ?? (Object.hasOwn(node.schema.properties ?? {}, name) ? undefined : node.values);
      if (below === undefined) continue;
      const before = isObject(old) && Object.hasOwn(old, name) ? old[name] : undefined;
      const at = property === undefined ? field.at(path, name) : field.child(path, name);
      // What says of which kind an object is has no former value: both are read as the same one.
      const isKind = path === "" && (name === "apiVersion" || name === "kind");
      this.visit(below, member, isKind ? undefined : before, at, isSame && !isKind);
    }
  }

  #check(own: RulesOfSchema, compiled: CompiledRule, subject: Subject): void {
    const { rule, program, usesOldSelf } = compiled;
    const { value, old, path, isSame, node } = subject;
    if (this.#isOver) return;
    const at = path === "" ? "<nil>" : path;
    const kind = node.schema.type ?? "";
    if (program === undefined) {
      this.errors.push(field.invalid(at, kind, `rule compile error: ${compiled.error ?? ""}`));
      return;
    }
    if (usesOldSelf && (old === undefined || old === null) && rule.optionalOldSelf !== true) return;
    const variables = ruleVariables(own.type, compiled, value, old);
    const outcome = this.#evaluate(program, variables);
    if (outcome instanceof CelRuntimeError) {
      this.errors.push(field.invalid(at, kind, this.#failureText(outcome.message, rule)));
      return;
    }
    if (outcome === true) return;
    const found = !usesOldSelf && isSame ? this.tolerated : this.errors;
    const where = (rule.fieldPath && pathOfRule(path, rule.fieldPath, node.schema)) || at;
    const message = this.#message(compiled, variables);
    if (message instanceof CelRuntimeError) {
      this.#isOver = true;
      found.push(field.invalid(where, kind, message.message));
      return;
    }
    const detail = message ?? (rule.message?.trim() || `failed rule: ${rule.rule.trim()}`);
    found.push(refusal(where, value, detail, rule.reason));
  }

  #evaluate(program: Program, variables: Readonly<Record<string, unknown>>): unknown {
    const call = new CostBudget(Math.min(perCallCostLimit, this.#budget.remaining));
    const before = call.remaining;
    try {
      return program.evaluate(variables, call);
    } catch (error) {
      if (error instanceof CelRuntimeError) return error;
      throw error;
    } finally {
      this.#budget.remaining -= before - Math.max(0, call.remaining);
    }
  }

  #failureText(message: string, rule: ValidationRule): string {
    const shown = rule.message?.trim() || rule.rule.trim();
    if (message.startsWith("no such overload"))
      return `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`;
    if (message.startsWith("operation cancelled: actual cost limit exceeded")) {
      this.#isOver = true;
      return `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`;
    }
    return `${message} evaluating rule: ${shown}`;
  }

  /** What messageExpression says; undefined: nothing that can be shown. An error: it cost too much. */
  #message(
    { message }: CompiledRule,
    variables: Readonly<Record<string, unknown>>,
  ): string | CelRuntimeError | undefined {
    if (message === undefined) return undefined;
    const text = this.#evaluate(message, variables);
    if (text instanceof CelRuntimeError && text.message.startsWith("operation cancelled"))
      return new CelRuntimeError(
        this.#budget.remaining <= 0
          ? "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run"
          : `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(message.expression)}`,
      );
    if (typeof text !== "string") return undefined;
    const trimmed = text.trim();
    return trimmed === "" || trimmed.includes("\n") || trimmed.length > maxMessageLength
      ? undefined
      : trimmed;
  }
}

const maxMessageLength = 5 * 1024;

interface Subject {
  readonly node: Node;
  readonly value: unknown;
  readonly old: unknown;
  readonly path: string;
  readonly isSame: boolean;
}

function refusal(path: string, value: unknown, detail: string, reason: string | undefined): FieldError {
  const isCompound = typeof value === "object";
  switch (reason) {
    case "FieldValueForbidden":
      return field.forbidden(path, detail);
    case "FieldValueRequired":
      return field.required(path, detail);
    case "FieldValueDuplicate":
      return isCompound
        ? { type: "FieldValueDuplicate", field: path, message: "Duplicate value" }
        : field.duplicate(path, value);
    default:
      return isCompound
        ? { type: "FieldValueInvalid", field: path, message: `Invalid value: ${detail}` }
        : field.invalid(path, value, detail);
  }
}
