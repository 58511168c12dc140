import { configMaps } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { Client } from "../../client/client.ts";

const target = { namespace: "kube-system", name: "kube-apiserver-legacy-service-account-token-tracking" };

/** Notes since when the use of tokens in secrets is tracked: the cleaner removes none that may have been used before. */
export async function ensureTokenTracking(
  client: Client,
  nowMs: number,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const since = new Date(nowMs).toISOString().slice(0, 10);
  const wanted = { apiVersion: "v1", kind: "ConfigMap", metadata: target, data: { since } };
  try {
    const existing = await client.get(configMaps, target, options);
    if (/^\d{4}-\d\d-\d\d$/.test(existing.data?.since ?? "")) return;
    await client.update(configMaps, { ...existing, data: { ...existing.data, since } }, options);
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
    await client.create(configMaps, wanted, options);
  }
}
