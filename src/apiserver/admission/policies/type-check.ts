import type {
  ExpressionWarning,
  ValidatingAdmissionPolicy,
} from "../../../api/admissionregistration/types.generated.ts";
import { typeOfModel } from "../../../apimachinery/cel/model-types.ts";
import { type CelType, rootTypeOfSchema } from "../../../apimachinery/cel/types.ts";
import { apiVersionOf, type GroupVersionKind, parseApiVersion } from "../../../apimachinery/meta.ts";
import { Expressions } from "./expressions.ts";
import type { PolicyDependencies } from "./policy-dependencies.ts";

/** Upstream looks at no more kinds than this. */
const maxKinds = 10;

type Known = Pick<PolicyDependencies, "definitions" | "modelOf">;

/** What a policy's expressions would stumble over, for each kind that it names without a wildcard (KEP-3488's type checking). */
export function typeWarnings(
  { spec }: ValidatingAdmissionPolicy,
  known: Known,
): readonly ExpressionWarning[] {
  const { paramKind, variables = [], validations = [] } = spec;
  const paramType = paramKind === undefined ? undefined : typeOfKind(kindOf(paramKind), known);
  const checked = kindsOf(spec, known).flatMap((kind) => {
    const type = typeOfKind(kind, known);
    if (type === undefined) return [];
    const expressions = new Expressions({
      hasParams: paramKind !== undefined,
      variables,
      objectType: type,
      ...(paramType === undefined ? {} : { paramType }),
    });
    return [{ kind, expressions }];
  });
  const expressionAt = (fieldRef: string, expression: string | undefined) =>
    expression === undefined
      ? []
      : [{ fieldRef, faultIn: (expressions: Expressions) => expressions.faultOf(expression) }];
  const places = [
    ...variables.map((_, index) => ({
      fieldRef: `spec.variables[${index}].expression`,
      faultIn: (expressions: Expressions) => expressions.faultOfVariable(index),
    })),
    ...validations.flatMap(({ expression, messageExpression }, index) => [
      ...expressionAt(`spec.validations[${index}].expression`, expression),
      ...expressionAt(`spec.validations[${index}].messageExpression`, messageExpression),
    ]),
  ];
  return places.flatMap(({ fieldRef, faultIn }): ExpressionWarning[] => {
    const faults = checked.flatMap(({ kind, expressions }) => {
      const fault = faultIn(expressions);
      return fault === undefined ? [] : [`${apiVersionOf(kind)}, Kind=${kind.kind}: ${fault}\n`];
    });
    return faults.length === 0 ? [] : [{ fieldRef, warning: faults.join("\n") }];
  });
}

function kindOf({
  apiVersion = "",
  kind = "",
}: {
  readonly apiVersion?: string;
  readonly kind?: string;
}): GroupVersionKind {
  return { ...parseApiVersion(apiVersion), kind };
}

function kindsOf(
  { matchConstraints }: ValidatingAdmissionPolicy["spec"],
  { definitions }: Known,
): readonly GroupVersionKind[] {
  const served = definitions();
  const found = (matchConstraints?.resourceRules ?? []).flatMap(
    ({ apiGroups = [], apiVersions = [], resources = [] }) =>
      apiGroups.flatMap((group) =>
        apiVersions.flatMap((version) =>
          resources.flatMap((plural): GroupVersionKind[] => {
            const definition = served.find(
              (each) => each.group === group && each.plural === plural && each.versions.includes(version),
            );
            return definition === undefined ? [] : [{ group, version, kind: definition.kind }];
          }),
        ),
      ),
  );
  return found.slice(0, maxKinds);
}

function typeOfKind(
  { group, version, kind }: GroupVersionKind,
  { definitions, modelOf }: Known,
): CelType | undefined {
  const definition = definitions().find(
    (each) => each.group === group && each.kind === kind && each.versions.includes(version),
  );
  const schema = definition?.custom?.forVersion(version).custom?.schema;
  if (schema !== undefined) return rootTypeOfSchema(schema);
  const model = modelOf({ group, version, kind });
  return model === undefined ? undefined : typeOfModel(model);
}
