import {
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
} from "../../../api/resources.generated.ts";
import type { AdmissionPlugin } from "../../stages.ts";
import { isExempt } from "../webhooks/match.ts";
import type { PolicyDependencies } from "./policy-dependencies.ts";

/** Changes objects by MutatingAdmissionPolicies. CEL is loaded with the first request that there is a policy for. */
export function mutatingPolicies(dependencies: PolicyDependencies): AdmissionPlugin {
  const policies = dependencies.informers.informer(mutatingAdmissionPolicies).lister;
  const bindings = dependencies.informers.informer(mutatingAdmissionPolicyBindings).lister;
  return {
    name: "MutatingAdmissionPolicy",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    admit(attributes) {
      const bound = bindings.list();
      if (bound.length === 0 || attributes.object === undefined || isExempt(attributes))
        return attributes.object;
      return import("./mutating.ts").then(({ mutateByPolicies }) =>
        mutateByPolicies(dependencies, policies.list(), bound, attributes),
      );
    },
  };
}
