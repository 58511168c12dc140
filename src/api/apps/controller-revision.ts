import { controllerOf, parseApiVersion } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { controllerRevisions } from "../resources.generated.ts";
import type { ControllerRevision } from "./types.generated.ts";

/** `statefulset.apps/web` */
function controllerName(object: ControllerRevision): string {
  const owner = controllerOf(object);
  if (owner === undefined) return "<none>";
  const { group } = parseApiVersion(owner.apiVersion);
  return `${owner.kind}${group === "" ? "" : `.${group}`}`.toLowerCase().concat("/", owner.name);
}

export const controllerRevisionDefinition = defineResource(controllerRevisions, {
  columns: [
    nameColumn,
    stringColumn("Controller", "Whose revision it is.", controllerName),
    stringColumn("Revision", "Its number.", ({ revision }) => revision ?? 0),
    ageColumn,
  ],
  strategy: {
    validate: ({ data, revision }) => [
      ...(data === undefined || data === null ? [field.required("data", "data is mandatory")] : []),
      ...field.nonNegative("revision", revision),
    ],
    validateUpdate: ({ data, revision }, old) => [
      ...field.nonNegative("revision", revision),
      ...field.immutable("data", data, old.data),
    ],
  },
});
