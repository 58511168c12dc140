import { serviceCIDRs } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { Client } from "../../client/client.ts";

const name = "kubernetes";

/** Shows the ranges that cluster IPs come from as the ServiceCIDR `kubernetes`. */
export async function createDefaultServiceCidr(
  client: Client,
  cidrs: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(
      serviceCIDRs,
      { apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata: { name }, spec: { cidrs } },
      { signal },
    );
  } catch (error) {
    if (!isApiError(error, "AlreadyExists")) throw error;
  }
  const current = await client.get(serviceCIDRs, { name }, { signal });
  if (current.status?.conditions?.some(({ type }) => type === "Ready") === true) return;
  const conditions = [
    {
      type: "Ready",
      status: "True",
      reason: "",
      message: "Kubernetes default Service CIDR is ready",
      lastTransitionTime: current.metadata.creationTimestamp ?? "",
    },
  ];
  // A patch, for the controller may be giving it its finalizer at this moment.
  await client.patch(
    serviceCIDRs,
    { name },
    { type: "merge", patch: { status: { conditions } } },
    { signal, subresource: "status" },
  );
}
