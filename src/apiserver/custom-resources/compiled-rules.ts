import { Optional } from "@marcbachmann/cel-js";
import {
  CelCompileError,
  type CelEnvironment,
  createCelEnvironment,
  type Program,
} from "../../apimachinery/cel/environment.ts";
import { type CelType, rootTypeOfSchema, typeOfSchema } from "../../apimachinery/cel/types.ts";
import type { JsonSchema, ValidationRule } from "../../apimachinery/structural-schema/json-schema.ts";

/** One rule of a schema, ready to be evaluated. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly usesOldSelf: boolean;
  /** Absent: it does not compile. */
  readonly program?: Program;
  readonly error?: string;
  readonly message?: Program;
  readonly messageError?: string;
}

export interface RulesOfSchema {
  readonly type: CelType;
  readonly rules: readonly CompiledRule[];
}

/** The rules of one schema, not of what is inside of it. `isRoot`: its value is a whole object. */
export function compileRules(schema: JsonSchema, isRoot: boolean): RulesOfSchema {
  const type = isRoot ? rootTypeOfSchema(schema) : typeOfSchema(schema);
  const plain = lazily(() => createCelEnvironment({ self: type, oldSelf: type }));
  const optional = lazily(() =>
    createCelEnvironment({ self: type, oldSelf: { ...type, name: `optional<${type.name}>` } }),
  );
  const rules = (schema["x-kubernetes-validations"] ?? []).map((rule) =>
    compileRule(rule, rule.optionalOldSelf === true ? optional() : plain()),
  );
  return { type, rules };
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function compileRule(rule: ValidationRule, environment: CelEnvironment): CompiledRule {
  const program = attempt(() => environment.compile(rule.rule, { wanted: ["bool"] }), {
    prefix: "",
    type: "cel expression must evaluate to a bool",
  });
  const message =
    rule.messageExpression === undefined
      ? undefined
      : attempt(() => environment.compile(rule.messageExpression ?? "", { wanted: ["string"] }), {
          prefix: "messageExpression ",
          type: "messageExpression must evaluate to a string",
        });
  return {
    rule,
    usesOldSelf: typeof program === "object" && program.mentions("oldSelf"),
    ...(typeof program === "string" ? { error: program } : { program }),
    ...(message === undefined ? {} : typeof message === "string" ? { messageError: message } : { message }),
  };
}

/** The program, or what is wrong with it in the words that are given. */
function attempt(
  compile: () => Program,
  words: { readonly prefix: string; readonly type: string },
): Program | string {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    if (error.message.startsWith("ERROR")) return `${words.prefix}compilation failed: ${error.message}`;
    return error.message.startsWith("instantiation")
      ? `${words.prefix || "program "}${error.message}`
      : words.type;
  }
}

/** The values of a rule's variables. */
export function ruleVariables(
  type: CelType,
  rule: CompiledRule,
  value: unknown,
  old: unknown,
): Readonly<Record<string, unknown>> {
  const self = type.fromJson(value);
  const before = old === undefined || old === null ? undefined : type.fromJson(old);
  if (rule.rule.optionalOldSelf === true)
    return { self, oldSelf: before === undefined ? Optional.none() : Optional.of(before) };
  return before === undefined ? { self } : { self, oldSelf: before };
}
