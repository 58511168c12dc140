import { namespaces } from "../../../api/resources.generated.ts";
import { isApiError, notFound } from "../../../apimachinery/api-error.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { type AdmissionDependencies, findNamespace } from "../dependencies.ts";

const isInNamespace = ({ namespace, resource }: AdmissionAttributes) =>
  namespace !== "" && !(resource.group === "" && resource.resource === "namespaces");

/** Makes the namespace that an object is created in, if there is none. */
export function namespaceAutoProvision(dependencies: AdmissionDependencies): AdmissionPlugin {
  return {
    name: "NamespaceAutoProvision",
    handles: (operation) => operation === "CREATE",
    async admit(attributes) {
      const { namespace: name, object, dryRun } = attributes;
      if (dryRun || !isInNamespace(attributes) || (await findNamespace(dependencies, name))) return object;
      try {
        await dependencies.client.create(namespaces, {
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name },
          spec: {},
        });
      } catch (error) {
        if (!isApiError(error, "AlreadyExists")) throw error;
      }
      return object;
    },
  };
}

/** Refuses what is in a namespace that is not there. */
export function namespaceExists(dependencies: AdmissionDependencies): AdmissionPlugin {
  return {
    name: "NamespaceExists",
    handles: (operation) => operation !== "CONNECT",
    async validate(attributes) {
      if (!isInNamespace(attributes)) return;
      if ((await findNamespace(dependencies, attributes.namespace)) === undefined)
        throw notFound({ group: "", resource: "namespaces" }, attributes.namespace);
    },
  };
}
