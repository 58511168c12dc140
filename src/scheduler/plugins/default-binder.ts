import { pods } from "../../api/resources.generated.ts";
import type { Client } from "../../client/client.ts";
import type { Plugin } from "../framework/plugin.ts";

export type BindingClient = Pick<Client, "createSubresource">;

/** Writes the decision through the pod's binding subresource; the UID keeps it from a namesake that came after. */
export function defaultBinder(client: BindingClient): Plugin {
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
      await client.createSubresource(pods, { namespace, name }, "binding", binding, { signal });
    },
  };
}
