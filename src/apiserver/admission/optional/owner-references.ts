import type { ResourceDefinition } from "../../../api/definition.ts";
import type { OwnerReference } from "../../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../../apimachinery/semantic-equality.ts";
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from "../../stages.ts";
import { refuse } from "../dependencies.ts";

export interface OwnerReferenceDependencies {
  readonly authorizer: Authorizer;
  /** All that is served, for the resource of an owner's kind. */
  readonly definitions: () => readonly ResourceDefinition[];
}

/** Who says that an object has an owner must be allowed to delete the object; who makes it hold up the owner's deletion, that too. */
export function ownerReferencesPermissionEnforcement(
  dependencies: OwnerReferenceDependencies,
): AdmissionPlugin {
  return {
    name: "OwnerReferencesPermissionEnforcement",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    async validate(attributes) {
      const { resource, subresource } = attributes;
      // Kubelets send the whole pod; the status' strategy keeps the owners as they were.
      if (resource.group === "" && resource.resource === "pods" && subresource === "status") return;
      const owners = ownersOf(attributes.object);
      const old = ownersOf(attributes.oldObject);
      if (semanticallyEqual(owners, old)) return;
      await checkDeletion(dependencies, attributes);
      for (const owner of owners)
        if (blocks(owner) && !old.some((known) => known.uid === owner.uid && blocks(known)))
          await checkBlocking(dependencies, attributes, owner);
    },
  };
}

const ownersOf = (object: AdmissionAttributes["object"]): readonly OwnerReference[] =>
  object?.metadata.ownerReferences ?? [];
const blocks = ({ blockOwnerDeletion }: OwnerReference) => blockOwnerDeletion === true;

async function checkDeletion(
  { authorizer }: OwnerReferenceDependencies,
  attributes: AdmissionAttributes,
): Promise<void> {
  const { resource, subresource, namespace, name, user } = attributes;
  const { allowed, reason, error } = await authorizer.authorize({
    user,
    verb: "delete",
    isResourceRequest: true,
    apiGroup: resource.group,
    apiVersion: resource.version,
    resource: resource.resource,
    subresource,
    namespace,
    name,
    path: "",
  });
  if (!allowed)
    throw refuse(
      attributes,
      `cannot set an ownerRef on a resource you can't delete: ${reason}, ${error ?? "<nil>"}`,
    );
}

async function checkBlocking(
  { authorizer, definitions }: OwnerReferenceDependencies,
  attributes: AdmissionAttributes,
  { apiVersion, kind, name }: OwnerReference,
): Promise<void> {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const found = definitions().filter((definition) => definition.group === group && definition.kind === kind);
  if (found.length === 0)
    throw refuse(
      attributes,
      `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind "${kind}" in version "${apiVersion}"`,
    );
  for (const definition of found) {
    const { allowed, reason, error } = await authorizer.authorize({
      user: attributes.user,
      verb: "update",
      isResourceRequest: true,
      apiGroup: definition.group,
      apiVersion: version ?? "",
      resource: definition.plural,
      subresource: "finalizers",
      namespace: definition.namespaced ? attributes.namespace : "",
      name,
      path: "",
    });
    if (!allowed)
      throw refuse(
        attributes,
        `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${reason}, ${error ?? "<nil>"}`,
      );
  }
}
