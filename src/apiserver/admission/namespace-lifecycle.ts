import type { Namespace } from "../../api/core/types.generated.ts";
import { namespaces } from "../../api/resources.generated.ts";
import { ApiError, forbidden, notFound } from "../../apimachinery/api-error.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, getLive, refuse } from "./dependencies.ts";

const immortal: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** For so long after a namespace was deleted its state is read from the API, as the cache may not know yet. */
const liveLookupMs = 30_000;

/** Nothing is made in a namespace that is not there or is on its way out; the system's namespaces stay. */
export function namespaceLifecycle(dependencies: AdmissionDependencies): AdmissionPlugin {
  const { client, clock, informers } = dependencies;
  const lister = informers.informer(namespaces).lister;
  const deletedAtMs = new Map<string, number>();

  const find = (name: string) => {
    const deletedAt = deletedAtMs.get(name);
    const cached = lister.get(name);
    if (deletedAt !== undefined && clock.now() - deletedAt > liveLookupMs) deletedAtMs.delete(name);
    else if (deletedAt !== undefined) return getLive(client, namespaces, { name });
    return cached ?? getLive(client, namespaces, { name });
  };

  return {
    name: "NamespaceLifecycle",
    handles: (operation) => operation !== "CONNECT",
    admit(attributes) {
      const { operation, resource, namespace, object } = attributes;
      const isNamespace = resource.group === "" && resource.resource === "namespaces";
      if (isNamespace) {
        if (operation === "DELETE") noteDeletion(attributes, (name) => deletedAtMs.set(name, clock.now()));
        return object;
      }
      if (namespace === "" || operation === "DELETE") return object;
      // A review is answered, not stored: asking about a namespace does not need it.
      if (resource.resource === "localsubjectaccessreviews") return object;
      const judge = (found: Awaited<ReturnType<typeof find>>) => {
        if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
        if (operation === "CREATE" && isTerminating(found)) throw terminating(attributes);
        return object;
      };
      const found = find(namespace);
      return found instanceof Promise ? found.then(judge) : judge(found);
    },
  };
}

function noteDeletion(attributes: AdmissionAttributes, note: (name: string) => void): void {
  if (immortal.has(attributes.name)) throw refuse(attributes, "this namespace may not be deleted");
  note(attributes.name);
}

function isTerminating({ metadata, status }: Namespace): boolean {
  return status?.phase === "Terminating" || metadata.deletionTimestamp !== undefined;
}

function terminating({ resource, name, namespace }: AdmissionAttributes): ApiError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { status } = forbidden(resource, name, why);
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  return new ApiError({ ...status, details: { ...status.details, causes: [cause] } });
}
