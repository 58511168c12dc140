import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField, mapItems } from "../fill.ts";
import {
  validateMutatingBinding,
  validateMutatingPolicy,
  validateValidatingBinding,
  validateValidatingPolicy,
  validateValidatingPolicyStatus,
} from "./policy-validation.ts";
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "./types.generated.ts";

export const validatingPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  validate: validateValidatingPolicy,
  validateUpdate: validateValidatingPolicy,
  validateStatusUpdate: validateValidatingPolicyStatus,
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
  validate: validateValidatingBinding,
  validateUpdate: validateValidatingBinding,
  unconditionalUpdate: false,
  defaults: (object) => mapField(object, "spec", (spec) => mapField(spec, "matchResources", defaultMatch)),
};

export const mutatingPolicyStrategy: Strategy<MutatingAdmissionPolicy> = {
  validate: validateMutatingPolicy,
  validateUpdate: validateMutatingPolicy,
  unconditionalUpdate: false,
  defaults: (object) =>
    mapField(object, "spec", (spec) =>
      mapField(fillAbsent(spec, { failurePolicy: "Fail" }), "matchConstraints", defaultMatch),
    ),
};

export const mutatingPolicyBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  validate: validateMutatingBinding,
  validateUpdate: validateMutatingBinding,
  unconditionalUpdate: false,
  defaults: (object) => mapField(object, "spec", (spec) => mapField(spec, "matchResources", defaultMatch)),
};

function defaultMatch(given: MatchResources): MatchResources {
  const rules = (list: readonly NamedRuleWithOperations[]) =>
    mapItems(list, (rule) => fillAbsent(rule, { scope: "*" }));
  const match = fillAbsent(given, { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} });
  return mapField(mapField(match, "resourceRules", rules), "excludeResourceRules", rules);
}
