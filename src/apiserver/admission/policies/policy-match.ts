import type {
  MatchResources,
  ParamKind,
  ParamRef,
} from "../../../api/admissionregistration/types.generated.ts";
import type { Namespace } from "../../../api/core/types.generated.ts";
import type { AnyObject, ObjectMeta } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { findNamespace } from "../dependencies.ts";
import { matchedVersion } from "./matching.ts";
import { collectParams } from "./params.ts";
import { type PolicyDependencies, type VersionedRequest, versionedRequest } from "./policy-dependencies.ts";

/** What policies of both kinds have in common. */
interface AnyPolicy {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly matchConstraints?: MatchResources; readonly paramKind?: ParamKind };
}

interface AnyBinding {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly policyName?: string;
    readonly matchResources?: MatchResources;
    readonly paramRef?: ParamRef;
  };
}

/** A policy that a binding applies to a request. */
export interface PolicyMatch<P, B> {
  readonly policy: P;
  readonly binding: B;
  readonly request: VersionedRequest;
  readonly namespace: Namespace | undefined;
  /** The policy is evaluated once for each; null: it takes none. */
  readonly params: readonly (AnyObject | null)[];
  readonly error?: undefined;
}

/** One that would apply if its parameters were right. */
export interface PolicyFault<P, B> {
  readonly policy: P;
  readonly binding: B | undefined;
  readonly error: string;
}

/** The policies that apply to a request, by name, each with its bindings. */
export async function* boundPolicies<P extends AnyPolicy, B extends AnyBinding>(
  dependencies: PolicyDependencies,
  policies: readonly P[],
  bindings: readonly B[],
  attributes: AdmissionAttributes,
): AsyncGenerator<PolicyMatch<P, B> | PolicyFault<P, B>> {
  const byPolicy = Map.groupBy(bindings.toSorted(byName), ({ spec }) => spec.policyName ?? "");
  const { resource, name, namespace: namespaceName, object, operation } = attributes;
  const isNamespace = resource.group === "" && resource.resource === "namespaces";
  const place = isNamespace ? name : namespaceName;
  const found =
    place === "" || (isNamespace && operation === "CREATE")
      ? undefined
      : await findNamespace(dependencies, place);
  const namespaceLabels =
    isNamespace && operation !== "DELETE"
      ? (object?.metadata.labels ?? {})
      : place === ""
        ? undefined
        : (found?.metadata.labels ?? {});
  const context = { namespaceLabels, equivalents: dependencies.definitionOf(resource)?.versions ?? [] };
  for (const policy of policies.toSorted(byName)) {
    const own = byPolicy.get(policy.metadata.name ?? "");
    if (own === undefined) continue;
    const version = matchedVersion(policy.spec.matchConstraints, attributes, context);
    if (version === undefined) continue;
    for (const binding of own) {
      if (matchedVersion(binding.spec.matchResources, attributes, context) === undefined) continue;
      try {
        const params = await collectParams(
          dependencies,
          policy.spec.paramKind,
          binding.spec.paramRef,
          isNamespace ? name : namespaceName,
        );
        const request = versionedRequest(dependencies, attributes, version);
        yield { policy, binding, request, params, namespace: isNamespace ? undefined : found };
      } catch (error) {
        yield { policy, binding, error: error instanceof Error ? error.message : String(error) };
      }
    }
  }
}

function byName(left: { readonly metadata: ObjectMeta }, right: { readonly metadata: ObjectMeta }): number {
  return (left.metadata.name ?? "") < (right.metadata.name ?? "") ? -1 : 1;
}
