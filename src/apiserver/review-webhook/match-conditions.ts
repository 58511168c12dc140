import type { SubjectAccessReviewSpec } from "../../api/authorization/types.generated.ts";
import {
  CelCompileError,
  type CelEnvironment,
  CelRuntimeError,
  createCelEnvironment,
  type Program,
} from "../../apimachinery/cel/environment.ts";
import { declaredType, typeOfSchema } from "../../apimachinery/cel/types.ts";

/** Which requests an authorization webhook is asked about: CEL over the review's spec, as `request`. */

const text = typeOfSchema({ type: "string" });
const textsSchema = { type: "array", items: { type: "string" } } as const;
const texts = typeOfSchema(textsSchema);
const requirements = typeOfSchema(
  {
    type: "array",
    items: {
      type: "object",
      properties: { key: { type: "string" }, operator: { type: "string" }, values: textsSchema },
    },
  },
  "kubernetes.SelectorRequirement",
);
const fieldSelector = declaredType("kubernetes.FieldSelectorAttributes", { rawSelector: text, requirements });
const labelSelector = declaredType("kubernetes.LabelSelectorAttributes", { rawSelector: text, requirements });

const requestType = declaredType("kubernetes.SubjectAccessReviewSpec", {
  resourceAttributes: declaredType("kubernetes.ResourceAttributes", {
    namespace: text,
    verb: text,
    group: text,
    version: text,
    resource: text,
    subresource: text,
    name: text,
    fieldSelector,
    labelSelector,
  }),
  nonResourceAttributes: declaredType("kubernetes.NonResourceAttributes", { path: text, verb: text }),
  user: text,
  groups: texts,
  extra: typeOfSchema({ type: "object", additionalProperties: textsSchema }),
  uid: text,
});

let environment: CelEnvironment | undefined;

/** The compiled condition, or why it is none: upstream's text. */
export function compileCondition(expression: string): Program | string {
  environment ??= createCelEnvironment({ request: requestType });
  try {
    const program = environment.compile(expression);
    return program.resultType === "bool" ? program : `must evaluate to bool but got ${program.resultType}`;
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return `compilation failed: ${error.message}`;
  }
}

/** Whether all conditions hold. Throws an Error where none is false and some cannot be evaluated. */
export function conditionsHold(conditions: readonly Program[], spec: SubjectAccessReviewSpec): boolean {
  if (conditions.length === 0) return true;
  const request = requestType.fromJson(asSeen(spec));
  const failures: string[] = [];
  for (const program of conditions) {
    try {
      if (program.evaluate({ request }) !== true) return false;
    } catch (error) {
      if (!(error instanceof CelRuntimeError)) throw error;
      failures.push(
        `cel evaluation error: expression '${program.expression}' resulted in error: ${error.message}`,
      );
    }
  }
  if (failures.length === 0) return true;
  throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(", ")}]`);
}

/** Conditions see every text, the empty ones too. */
function asSeen(spec: SubjectAccessReviewSpec): object {
  const { user = "", groups = [], uid = "", extra = {}, resourceAttributes, nonResourceAttributes } = spec;
  return {
    user,
    groups,
    uid,
    extra,
    ...(resourceAttributes === undefined
      ? {}
      : { resourceAttributes: { ...noAttributes, ...resourceAttributes } }),
    ...(nonResourceAttributes === undefined
      ? {}
      : { nonResourceAttributes: { path: "", verb: "", ...nonResourceAttributes } }),
  };
}

const noAttributes = {
  namespace: "",
  verb: "",
  group: "",
  version: "",
  resource: "",
  subresource: "",
  name: "",
};
