import {
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from "../../../api/resources.generated.ts";
import type { AdmissionPlugin } from "../../stages.ts";
import { isExempt } from "../webhooks/match.ts";
import type { PolicyDependencies } from "./policy-dependencies.ts";

/** Checks requests by ValidatingAdmissionPolicies. CEL is loaded with the first request that there is a policy for. */
export function validatingPolicies(dependencies: PolicyDependencies): AdmissionPlugin {
  const policies = dependencies.informers.informer(validatingAdmissionPolicies).lister;
  const bindings = dependencies.informers.informer(validatingAdmissionPolicyBindings).lister;
  return {
    name: "ValidatingAdmissionPolicy",
    handles: () => true,
    validate(attributes) {
      const bound = bindings.list();
      if (bound.length === 0 || isExempt(attributes)) return;
      return import("./validating.ts").then(({ validateByPolicies }) =>
        validateByPolicies(dependencies, policies.list(), bound, attributes),
      );
    },
  };
}
