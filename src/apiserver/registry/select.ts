import type { ResourceDefinition } from "../../api/definition.ts";
import { badRequest } from "../../apimachinery/api-error.ts";
import type { FieldRequirement } from "../../apimachinery/field-selector.ts";
import { parseFieldSelector } from "../../apimachinery/field-selector.ts";
import { matchesLabels, parseLabelSelector } from "../../apimachinery/label-selector.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { quote } from "../../apimachinery/validation.ts";
import type { Selection } from "../cache/selection.ts";

export interface SelectionRequest {
  /** "": all namespaces, or a cluster-scoped resource. */
  readonly namespace: string;
  /** From the URL. */
  readonly name: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

/** The selection that a list, watch or deletecollection asks for. Throws 400 in upstream's words. */
export function selectionOf(definition: ResourceDefinition, request: SelectionRequest): Selection {
  const labels = parsed(() => parseLabelSelector(request.labelSelector));
  const fields = parsed(() => parseFieldSelector(request.fieldSelector));
  for (const { field } of fields) checkField(definition, field);
  const exactFields: Record<string, string> = {};
  // The first of several, as upstream; nothing is what a second one can only leave.
  for (const { field, operator, value } of fields) if (operator === "=") exactFields[field] ??= value;

  const exactName = exactFields["metadata.name"];
  if (request.name !== "" && fields.length > 0 && exactName !== request.name)
    throw badRequest("fieldSelector metadata.name doesn't match requested name");
  const name = request.name === "" ? exactName : request.name;
  const namespace =
    request.namespace === "" && definition.namespaced
      ? (exactFields["metadata.namespace"] ?? "")
      : request.namespace;
  // What the key range already says need not be asked of every object.
  const remaining = fields.filter(
    ({ field, operator, value }) => !(operator === "=" && field === "metadata.name" && value === name),
  );
  const everything = labels.length === 0 && remaining.length === 0 && name === undefined;
  return {
    namespace,
    ...(name === undefined ? {} : { name }),
    ...(everything ? {} : { matches: (object: AnyObject) => selected(object) }),
    exactFields,
  };

  function selected(object: AnyObject): boolean {
    if (name !== undefined && object.metadata.name !== name) return false;
    if (labels.length > 0 && !matchesLabels(labels, object.metadata.labels)) return false;
    for (const requirement of remaining) if (!fieldHolds(definition, requirement, object)) return false;
    return true;
  }
}

function fieldHolds(
  definition: ResourceDefinition,
  requirement: FieldRequirement,
  object: AnyObject,
): boolean {
  const equal = fieldValue(definition, requirement.field, object) === requirement.value;
  return requirement.operator === "=" ? equal : !equal;
}

/** The value of a selectable field; "" stands for absence. */
export function fieldValue(definition: ResourceDefinition, field: string, object: AnyObject): string {
  if (field === "metadata.name") return object.metadata.name ?? "";
  if (field === "metadata.namespace") return object.metadata.namespace ?? "";
  return definition.selectableFields?.[field]?.(object) ?? "";
}

function checkField(definition: ResourceDefinition, field: string): void {
  if (field === "metadata.name" || field === "metadata.namespace") return;
  const own = definition.selectableFields;
  if (own === undefined)
    throw badRequest(
      `${quote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  if (!Object.hasOwn(own, field)) throw badRequest(`field label not supported: ${field}`);
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
}
