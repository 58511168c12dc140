import { namespaces } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import type { AnyObject } from "../apimachinery/meta.ts";
import type { Client } from "../client/client.ts";
import { withMetadata } from "./registry/metadata.ts";
import type { StoreHooks } from "./registry/store-calls.ts";

/** A namespace lives until its content is gone: until the namespace controller has emptied spec.finalizers. */
export const namespaceHooks: StoreHooks = {
  keepsAlive(namespace) {
    const { finalizers = [] } = (namespace.spec ?? {}) as { finalizers?: readonly string[] }; // a Namespace
    return finalizers.length > 0;
  },
  terminate: (namespace): AnyObject => ({
    ...withMetadata(namespace, { deletionGracePeriodSeconds: undefined }),
    status: { ...(namespace.status as object | undefined), phase: "Terminating" },
  }),
};

const systemNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** The namespaces every cluster has. */
export async function createSystemNamespaces(client: Client, signal: AbortSignal): Promise<void> {
  await Promise.all(
    systemNamespaces.map(async (name) => {
      try {
        await client.create(
          namespaces,
          { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: {} },
          { signal },
        );
      } catch (error) {
        if (!isApiError(error, "AlreadyExists")) throw error;
      }
    }),
  );
}
