import type { ValidatingAdmissionPolicy } from "../../../api/admissionregistration/types.generated.ts";
import { validatingAdmissionPolicies } from "../../../api/resources.generated.ts";
import { isApiError } from "../../../apimachinery/api-error.ts";
import type { Logger } from "../../../base/log.ts";
import type { PolicyDependencies } from "./policy-dependencies.ts";

/** Keeps the status of validating policies: what type checking has to say of each state of their specs. */
export function keepPolicyStatus(
  dependencies: Pick<PolicyDependencies, "client" | "informers" | "definitions" | "modelOf">,
  { logger }: { readonly logger: Logger },
): void {
  const { client, informers } = dependencies;
  const keep = async (policy: ValidatingAdmissionPolicy): Promise<void> => {
    const { generation, deletionTimestamp } = policy.metadata;
    if (policy.status?.observedGeneration === generation || deletionTimestamp !== undefined) return;
    try {
      const { typeWarnings } = await import("./type-check.ts");
      const expressionWarnings = typeWarnings(policy, dependencies);
      const status = {
        ...policy.status,
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings },
      };
      await client.update(validatingAdmissionPolicies, { ...policy, status }, { subresource: "status" });
    } catch (error) {
      // Whoever changed it meanwhile is seen as well, and its state checked then.
      if (isApiError(error, "Conflict") || isApiError(error, "NotFound")) return;
      logger.warn({ error, policy: policy.metadata.name }, "a policy's types were not checked");
    }
  };
  informers
    .informer(validatingAdmissionPolicies)
    .addHandler(
      { added: (policy) => keep(policy), updated: (_, policy) => keep(policy) },
      { name: "validating policy status" },
    );
}
