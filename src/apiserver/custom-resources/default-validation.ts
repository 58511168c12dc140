import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  hasRules,
  isObject,
  itemsOf,
  type JsonSchema,
  valuesOf,
} from "../../apimachinery/structural-schema/json-schema.ts";
import { pruneObject } from "../../apimachinery/structural-schema/prune.ts";
import { validateValue } from "../../apimachinery/structural-schema/validate.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateEmbedded } from "./embedded.ts";
import { createRuleChecker } from "./rule-checker.ts";

/**
 * Defaults must be what they would be when a client had sent them: valid, and with no field that would be pruned. A definition
 * that had such fields before may keep them.
 */
export function validateDefaults(
  crd: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): readonly FieldError[] {
  const mustBePruned = !(old?.spec.versions ?? []).some(
    ({ schema }) => schema?.openAPIV3Schema !== undefined && hasUnpruned(schema.openAPIV3Schema),
  );
  return (crd.spec.versions ?? []).flatMap(({ schema }, index) => {
    if (schema?.openAPIV3Schema === undefined) return [];
    const path = field.child(field.at("spec.versions", index), "schema", "openAPIV3Schema");
    return validateBelow({ ...schema.openAPIV3Schema, "x-kubernetes-embedded-resource": true }, path, {
      resource: undefined,
      around: (value) => value,
      mustBePruned,
    });
  });
}

interface Place {
  /** Inside of a resource's own apiVersion, kind or metadata: the resource. */
  readonly resource: JsonSchema | undefined;
  /** The resource, with a value in this place. */
  readonly around: (value: unknown) => unknown;
  readonly mustBePruned: boolean;
}

const metaFields = ["metadata", "apiVersion", "kind"];

function validateBelow(schema: JsonSchema, path: string, above: Place): readonly FieldError[] {
  const embeds = schema["x-kubernetes-embedded-resource"] === true;
  const place: Place = embeds
    ? { ...above, resource: undefined, around: (value) => ({ ...resourceType, ...(value as object) }) } // asked for members only
    : above;
  const errors: FieldError[] = [];
  const value = schema.default;
  if (value !== undefined && value !== null)
    errors.push(...validateDefault(value, schema, field.child(path, "default"), place));
  const items = itemsOf(schema);
  if (items !== undefined)
    errors.push(
      ...validateBelow(items, field.child(path, "items"), {
        ...place,
        around: (inner) => place.around([inner]),
      }),
    );
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    errors.push(
      ...validateBelow(property, field.at(field.child(path, "properties"), name), {
        ...place,
        around: (inner) => place.around({ [name]: inner }),
        ...(embeds && metaFields.includes(name) ? { resource: schema } : {}),
      }),
    );
  return errors;
}

const resourceType = { apiVersion: "validation/v1", kind: "Validation" };

function validateDefault(
  value: unknown,
  schema: JsonSchema,
  at: string,
  { resource, around, mustBePruned }: Place,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (resource !== undefined) {
    const faults = validateEmbedded(around(value), { ...resource, "x-kubernetes-embedded-resource": true });
    const texts = faults.map((fault) => `${fault.field}: ${fault.message}`);
    if (texts.length > 0)
      return [
        field.invalid(
          at,
          value,
          `must result in valid metadata: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`,
        ),
      ];
  } else if (mustBePruned && isUnpruned(value, schema))
    errors.push(field.invalid(at, value, "must not have unknown fields"));
  const embedded = resource === undefined ? validateEmbedded(value, schema, at) : [];
  if (embedded.length > 0) return [...errors, ...embedded];
  const invalid = validateValue(value, schema, { root: at });
  if (invalid.length > 0 || !hasRules(schema)) return [...errors, ...invalid];
  const checker = createRuleChecker(schema, { path: at, isRoot: false });
  const unchanged = checker?.check(value, value) ?? [];
  return [...errors, ...(unchanged.length > 0 ? unchanged : (checker?.check(value, undefined) ?? []))];
}

/** Metadata of resources is not looked into: what it has is not the schema's to say. */
function isUnpruned(value: unknown, schema: JsonSchema): boolean {
  if (!isObject(value)) return false;
  const isResource = schema["x-kubernetes-embedded-resource"] === true;
  const { unknownFields } = isResource
    ? pruneObject(value, schema)
    : pruneObject({ value }, { type: "object", properties: { value: schema } });
  return unknownFields.length > 0;
}

function hasUnpruned(schema: JsonSchema): boolean {
  if (isUnpruned(schema.default, schema)) return true;
  const parts = [itemsOf(schema), valuesOf(schema), ...Object.values(schema.properties ?? {})];
  return parts.some((part) => part !== undefined && hasUnpruned(part));
}
