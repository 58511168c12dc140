import type { Pod } from "../../api/core/types.generated.ts";
import { pods } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import type { Plugin } from "../framework/plugin.ts";

export type BindingClient = Pick<Client, "createSubresource" | "get">;

const readAgainMs = 1000;

/**
 * Writes the decision through the pod's binding subresource; the UID keeps it from a namesake that came after.
 *
 * A call that failed may have been carried out, its answer lost. Were it taken for a failure, the pod's room would be given
 * away before its own event comes: so the pod is read, again and again until there is an answer, and what it says counts.
 */
export function defaultBinder(client: BindingClient, clock: Clock): Plugin {
  return {
    name: "DefaultBinder",
    async bind({ pod }, nodeName, signal) {
      const { namespace = "", name = "", uid } = pod.metadata;
      const binding = {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { namespace, name, ...(uid === undefined ? {} : { uid }) },
        target: { kind: "Node", name: nodeName },
      };
      try {
        await client.createSubresource(pods, { namespace, name }, "binding", binding, { signal });
      } catch (error) {
        if (isDefinite(error)) throw error;
        const now = await readUntilAnswered({ client, clock }, pod, signal);
        if (now?.metadata.uid !== uid || now?.spec.nodeName !== nodeName) throw error;
      }
    },
  };
}

/** A conflict may be with one's own first try, which a transport repeated. */
function isDefinite(error: unknown): boolean {
  return isApiError(error) && error.code < 500 && error.reason !== "Conflict";
}

async function readUntilAnswered(
  { client, clock }: { readonly client: BindingClient; readonly clock: Clock },
  { metadata: { namespace = "", name = "" } }: Pod,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  for (;;) {
    try {
      return await client.get(pods, { namespace, name }, { signal });
    } catch (error) {
      if (isDefinite(error)) return undefined;
      signal.throwIfAborted();
      await sleep(clock, readAgainMs, { signal });
    }
  }
}
