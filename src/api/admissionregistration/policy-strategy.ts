import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField, mapItems } from "../fill.ts";
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "./types.generated.ts";

export const validatingPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  unconditionalUpdate: false,
  defaults: (object) => ({
    ...mapField(object, "spec", (spec) =>
      mapField(fillAbsent(spec, { failurePolicy: "Fail" }), "matchConstraints", defaultMatch),
    ),
    status: object.status ?? {},
  }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
};

export const validatingPolicyBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  unconditionalUpdate: false,
  defaults: (object) => mapField(object, "spec", (spec) => mapField(spec, "matchResources", defaultMatch)),
};

export const mutatingPolicyStrategy: Strategy<MutatingAdmissionPolicy> = {
  unconditionalUpdate: false,
  defaults: (object) =>
    mapField(object, "spec", (spec) =>
      mapField(fillAbsent(spec, { failurePolicy: "Fail" }), "matchConstraints", defaultMatch),
    ),
};

export const mutatingPolicyBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  unconditionalUpdate: false,
  defaults: (object) => mapField(object, "spec", (spec) => mapField(spec, "matchResources", defaultMatch)),
};

function defaultMatch(given: MatchResources): MatchResources {
  const rules = (list: readonly NamedRuleWithOperations[]) =>
    mapItems(list, (rule) => fillAbsent(rule, { scope: "*" }));
  const match = fillAbsent(given, { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} });
  return mapField(mapField(match, "resourceRules", rules), "excludeResourceRules", rules);
}
