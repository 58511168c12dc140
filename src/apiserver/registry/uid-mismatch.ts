import type { ResourceDefinition } from "../../api/definition.ts";
import { conflict } from "../../apimachinery/api-error.ts";

interface Mismatch {
  readonly namespace: string;
  readonly name: string;
  readonly wanted: string;
  /** "": there is no object. */
  readonly actual: string;
}

/** Whoever names a uid means one object, not whatever bears its name: 409 in the words of upstream's storage. */
export function uidMismatch(definition: ResourceDefinition, mismatch: Mismatch): Error {
  const { namespace, name, wanted, actual } = mismatch;
  const { group, plural } = definition;
  const key = [folderOf(definition), namespace, name].filter((part) => part !== "").join("/");
  return conflict(
    { group, resource: plural },
    name,
    `StorageError: invalid object, Code: 4, Key: /registry/${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${actual}`,
  );
}

/** Where upstream keeps what it does not keep under its plural. */
const oldFolders: Readonly<Record<string, string>> = {
  "/endpoints": "services/endpoints",
  "/nodes": "minions",
  "/replicationcontrollers": "controllers",
  "/services": "services/specs",
  "networking.k8s.io/ingresses": "ingress",
};

/** Its built-in kinds have no group there; custom ones have, and those that describe the API. */
function folderOf({ group, plural, custom }: ResourceDefinition): string {
  const isGrouped =
    custom !== undefined || group === "apiextensions.k8s.io" || group === "apiregistration.k8s.io";
  return isGrouped ? `${group}/${plural}` : (oldFolders[`${group}/${plural}`] ?? plural);
}
