import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
} from "../../../api/admissionregistration/types.generated.ts";
import { schemas } from "../../../api/schemas.ts";
import { CelRuntimeError } from "../../../apimachinery/cel/environment.ts";
import { toJson } from "../../../apimachinery/cel/to-json.ts";
import { merge } from "../../../apimachinery/managed-fields/merge.ts";
import { type MergeType, mergeTypeOf } from "../../../apimachinery/managed-fields/merge-type.ts";
import { mergeTypeOfCustomKind } from "../../../apimachinery/managed-fields/structural-type.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import { applyJsonPatch } from "../../../apimachinery/patch/json-patch.ts";
import { isJsonObject, jsonEqual } from "../../../apimachinery/patch/json-value.ts";
import type { PolicyFault } from "../../metrics/admission-hook-metrics.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { storedForm } from "../object-forms.ts";
import { Reinvocation } from "../reinvocation.ts";
import { conditionsHold } from "./conditions.ts";
import { denial, faultOf } from "./denial.ts";
import { Expressions, expressionInput } from "./expressions.ts";
import { withoutObjectLiterals } from "./object-literals.ts";
import { type PolicyDependencies, versionedRequest } from "./policy-dependencies.ts";
import { boundPolicies, type PolicyMatch } from "./policy-match.ts";

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;

const compiled = new WeakMap<Policy, Expressions>();

function expressionsOf(policy: Policy): Expressions {
  let known = compiled.get(policy);
  if (known === undefined) {
    const { paramKind, variables = [] } = policy.spec;
    known = new Expressions({
      isMutation: true,
      hasParams: paramKind !== undefined,
      variables: variables.map(({ name, expression }) => ({
        name,
        expression: withoutObjectLiterals(expression),
      })),
    });
    compiled.set(policy, known);
  }
  return known;
}

/** The object as all policies want it; those that asked to be reinvoked see once more what others changed after them. */
export async function mutateByPolicies(
  dependencies: PolicyDependencies,
  policies: readonly Policy[],
  bindings: readonly Binding[],
  attributes: AdmissionAttributes,
): Promise<AnyObject | undefined> {
  const calls = (attributes.course?.reinvocation ?? new Reinvocation()).of("MutatingAdmissionPolicy");
  calls.begin(attributes.object);
  let { object } = attributes;
  let isTouched = false;
  for await (const match of boundPolicies(dependencies, policies, bindings, attributes)) {
    const { policy, binding } = match;
    try {
      if (match.error !== undefined) {
        const what = binding === undefined ? "policy" : "binding";
        throw new CelRuntimeError(`failed to configure ${what}: ${match.error}`);
      }
      for (const params of match.params) {
        const key = keyOf(match, params);
        if (!calls.calls(key)) continue;
        const current: AdmissionAttributes = object === undefined ? attributes : { ...attributes, object };
        const mutated = await applyPolicy(dependencies, match, params, current);
        if (mutated === undefined) continue;
        isTouched = true;
        if (!jsonEqual(mutated, object)) calls.changed();
        object = mutated;
        if (policy.spec.reinvocationPolicy === "IfNeeded") calls.called(key);
      }
    } catch (error) {
      if (!(error instanceof CelRuntimeError)) throw error;
      if (policy.spec.failurePolicy === "Ignore") continue;
      const { name } = policy.metadata;
      const who =
        binding === undefined
          ? `policy "${name}"`
          : `policy '${name}' with binding '${binding.metadata.name}'`;
      throw denial(attributes, `${who} denied request: ${error.message}`);
    }
  }
  // A mutation that changed nothing counts as one, too.
  if (isTouched) calls.changed();
  calls.end(object);
  return object;
}

const keyOf = ({ policy, binding }: PolicyMatch<Policy, Binding>, params: AnyObject | null): string =>
  [policy, binding, ...(params === null ? [] : [params])]
    .map(({ metadata: { namespace = "", name = "" } }) => `${namespace}/${name}`)
    .join(" ");

/** Undefined: its conditions do not hold, or there is no object. Throws CelRuntimeError. */
async function applyPolicy(
  dependencies: PolicyDependencies,
  { policy, binding, namespace, request: { version } }: PolicyMatch<Policy, Binding>,
  params: AnyObject | null,
  attributes: AdmissionAttributes,
): Promise<AnyObject | undefined> {
  const expressions = expressionsOf(policy);
  const { paramKind, matchConditions = [], mutations = [] } = policy.spec;
  let current = attributes;
  for (const [index, mutation] of mutations.entries()) {
    const request = versionedRequest(dependencies, current, version);
    const { object } = request;
    if (object === undefined) return undefined;
    const input = expressionInput({
      request,
      authorizer: dependencies.authorizer,
      namespace,
      ...(paramKind === undefined ? {} : { params }),
    });
    if (index === 0 && !(await conditionsHold(matchConditions, expressions, input))) return undefined;
    const { expression, apply } = mutationOf(mutation);
    const at = current;
    const mutated = await observed({ policy, binding, attributes }, async () => {
      const value = toJson(await expressions.evaluate(withoutObjectLiterals(expression), input));
      return apply(object, value, () => mergeTypeFor(dependencies, at, version));
    });
    current = { ...current, object: storedForm(dependencies, current, mutated) };
  }
  return current.object;
}

/** Counts a mutation and how it ended. */
async function observed<T>(
  {
    policy,
    binding,
    attributes: { course },
  }: { readonly policy: Policy; readonly binding: Binding; readonly attributes: AdmissionAttributes },
  mutation: () => Promise<T>,
): Promise<T> {
  const startedMs = course?.now() ?? 0;
  const count = (fault: PolicyFault) =>
    course?.metrics.mutated(
      policy.metadata.name ?? "",
      binding.metadata.name ?? "",
      fault,
      (course.now() - startedMs) / 1000,
    );
  try {
    const result = await mutation();
    count("no_error");
    return result;
  } catch (error) {
    count(faultOf(error));
    throw error;
  }
}

type Apply = (object: AnyObject, value: unknown, type: () => MergeType) => AnyObject;

function mutationOf({ patchType, applyConfiguration, jsonPatch }: Mutation): {
  readonly expression: string;
  readonly apply: Apply;
} {
  if (patchType === "JSONPatch") return { expression: jsonPatch?.expression ?? "", apply: applyPatch };
  return { expression: applyConfiguration?.expression ?? "", apply: applyConfigurationOf };
}

function applyConfigurationOf(object: AnyObject, value: unknown, type: () => MergeType): AnyObject {
  if (!isJsonObject(value)) throw new CelRuntimeError("unexpected evaluation result type: expected Object");
  const { apiVersion, kind } = object;
  // A merge of two objects is one.
  return merge(type(), object, { ...value, apiVersion, kind }) as AnyObject;
}

function applyPatch(object: AnyObject, value: unknown): AnyObject {
  try {
    return applyJsonPatch(object, value) as AnyObject; // a patched object stays one: the registry validates its shape
  } catch (error) {
    throw new CelRuntimeError(`JSON Patch: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function mergeTypeFor(
  { definitionOf, modelOf }: PolicyDependencies,
  { resource, kind }: AdmissionAttributes,
  version: string,
): MergeType {
  const custom = definitionOf(resource)?.custom;
  if (custom !== undefined)
    return mergeTypeOfCustomKind(
      custom.forVersion(version).custom?.schema,
      schemas.model("meta.v1.ObjectMeta"),
    );
  return mergeTypeOf(modelOf({ group: kind.group, version, kind: kind.kind }));
}
