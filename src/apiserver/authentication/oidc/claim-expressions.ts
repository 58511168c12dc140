import {
  CelCompileError,
  type CelEnvironment,
  type CelNode,
  createCelEnvironment,
  type Program,
} from "../../../apimachinery/cel/environment.ts";
import { childrenOf, resolved } from "../../../apimachinery/cel/syntax.ts";
import { dynType, typeOfSchema } from "../../../apimachinery/cel/types.ts";

/** CEL over a token's claims (`claims`) and over the user made of them (`user`), as KEP-3331 has it. */

const listOfStrings = { type: "array", items: { type: "string" } } as const;

const userType = typeOfSchema(
  {
    type: "object",
    properties: {
      username: { type: "string" },
      uid: { type: "string" },
      groups: listOfStrings,
      extra: { type: "object", additionalProperties: listOfStrings },
    },
  },
  "kubernetes.UserInfo",
);

let environments: { readonly claims: CelEnvironment; readonly user: CelEnvironment } | undefined;

function environmentOf(variable: "claims" | "user"): CelEnvironment {
  environments ??= {
    claims: createCelEnvironment({ claims: { ...dynType, name: "map<string, dyn>" } }),
    user: createCelEnvironment({ user: userType }),
  };
  return environments[variable];
}

/** The compiled expression, or why it is none: upstream's text. */
export function compileExpression(
  variable: "claims" | "user",
  expression: string,
  wanted: "bool" | "any",
): Program | string {
  try {
    const program = environmentOf(variable).compile(withIndexedNames(expression));
    if (wanted === "bool" && program.resultType !== "bool") return "must evaluate to bool";
    return program;
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return `compilation failed: ${error.message}`;
  }
}

const escapes = { underscores: "__", dot: ".", dash: "-", slash: "/" } as const;

/** A claim whose name is no identifier is reached under its escaped name: `claims.example__dot__com`. */
function withIndexedNames(expression: string): string {
  if (!expression.includes("__")) return expression;
  const parts = /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|\.(\??)([A-Za-z_]\w*)/g;
  return expression.replace(parts, (part, optional: string | undefined, name: string | undefined) => {
    if (name === undefined) return part;
    const unescaped = name.replace(
      /__(underscores|dot|dash|slash)__/g,
      (_, escapedAs: keyof typeof escapes) => escapes[escapedAs],
    );
    return unescaped === name ? part : `[${optional ?? ""}${JSON.stringify(unescaped)}]`;
  });
}

/** The value of an expression on claims. Throws CelRuntimeError. */
export function evaluateClaims(program: Program, claims: unknown): unknown {
  return program.evaluate({ claims });
}

/** The value of an expression on a user, as the API shows one. Throws CelRuntimeError. */
export function evaluateUser(program: Program, user: object): unknown {
  return program.evaluate({ user: userType.fromJson(user) });
}

/** JSON as CEL's values; its numbers are doubles, as Go reads JSON. */
export function claimsValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(claimsValue);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([name, member]) => [name, claimsValue(member)]));
}

/** Whether an expression selects this field of `claims`. */
export function selectsClaim(node: CelNode, field: string): boolean {
  const each = resolved(node);
  if ((each.op === "." || each.op === ".?") && Array.isArray(each.args)) {
    const [target, name] = each.args as unknown as readonly [CelNode, unknown]; // as the library keeps a selection
    if (name === field && target.op === "id" && target.args === "claims") return true;
  }
  return childrenOf(each).some((child) => selectsClaim(child, field));
}
