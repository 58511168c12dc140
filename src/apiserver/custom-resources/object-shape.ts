import { schemas } from "../../api/schemas.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { ObjectShape } from "../../apimachinery/schema/decode.ts";
import { normalize } from "../../apimachinery/schema/normalize.ts";
import { ShapeError } from "../../apimachinery/schema/shape-error.ts";
import { strictErrors } from "../../apimachinery/schema/strict-errors.ts";
import { applyDefaults, dropNulls } from "../../apimachinery/structural-schema/apply-defaults.ts";
import {
  isObject,
  itemsOf,
  type JsonObject,
  type JsonSchema,
  propertyOf,
  valuesOf,
} from "../../apimachinery/structural-schema/json-schema.ts";
import { pruneObject } from "../../apimachinery/structural-schema/prune.ts";

/** How objects of one version of a custom kind are read: metadata as every kind's, the rest as the schema has it. */
export function objectShape(schema: JsonSchema | undefined): ObjectShape {
  const embeds = schema !== undefined && hasEmbedded(schema);
  return {
    normalize(object) {
      const ofMetadata: string[] = [];
      const metadata = readMetadata(object.metadata, "metadata", ofMetadata);
      const pruned = pruneObject({ ...object, metadata }, schema);
      const ofEmbedded: string[] = [];
      const coerced = embeds ? coerceEmbedded(pruned.value, schema, "", ofEmbedded) : pruned.value;
      return {
        object: applyDefaults(coerced as JsonObject, schema), // an object stays one
        unknownFields: [...ofMetadata, ...pruned.unknownFields, ...ofEmbedded.toSorted()],
      };
    },
  };
}

/** As another version's schema has it: what that does not know is dropped, and nothing is filled in. */
export function pruned(object: AnyObject, schema: JsonSchema | undefined): AnyObject {
  return dropNulls(pruneObject(object, schema).value, schema) as AnyObject; // metadata stays
}

/** Of an object read before: what the schema has come to add and to drop since. Itself where nothing changes. */
export function completed(object: AnyObject, schema: JsonSchema | undefined): AnyObject {
  return applyDefaults(pruneObject(object, schema).value, schema) as AnyObject; // metadata stays
}

function readMetadata(value: unknown, path: string, unknownFields: string[]): unknown {
  const model = schemas.model("meta.v1.ObjectMeta");
  const { object, hasUnknownFields } = normalize(model, value ?? {});
  if (hasUnknownFields)
    for (const message of strictErrors(JSON.stringify(value), model)) {
      const field = /^unknown field "(.*)"$/.exec(message)?.[1];
      if (field !== undefined) unknownFields.push(`${path}.${field}`);
    }
  return object;
}

/** Embedded resources have metadata of their own. */
function coerceEmbedded(
  value: unknown,
  schema: JsonSchema | undefined,
  path: string,
  unknownFields: string[],
): unknown {
  if (schema === undefined) return value;
  if (Array.isArray(value))
    return value.map((item, index) =>
      coerceEmbedded(item, itemsOf(schema), `${path}[${index}]`, unknownFields),
    );
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const at = path === "" ? name : `${path}.${name}`;
      if (schema["x-kubernetes-embedded-resource"] === true)
        return [name, coerceEmbeddedField(name, member, schema, at, unknownFields)];
      return [name, coerceEmbedded(member, propertyOf(schema, name) ?? valuesOf(schema), at, unknownFields)];
    }),
  );
}

function coerceEmbeddedField(
  name: string,
  value: unknown,
  schema: JsonSchema,
  path: string,
  unknownFields: string[],
): unknown {
  const invalid = (why: string) => new ShapeError(`${path}: Invalid value: ${JSON.stringify(value)}: ${why}`);
  if ((name === "apiVersion" || name === "kind") && typeof value !== "string")
    throw invalid("must be a string");
  if (name !== "metadata")
    return coerceEmbedded(value, propertyOf(schema, name) ?? valuesOf(schema), path, unknownFields);
  try {
    return readMetadata(value, path, unknownFields);
  } catch (error) {
    throw error instanceof ShapeError ? invalid(error.message) : error;
  }
}

function hasEmbedded(schema: JsonSchema): boolean {
  if (schema["x-kubernetes-embedded-resource"] === true) return true;
  const below = [...Object.values(schema.properties ?? {}), itemsOf(schema), valuesOf(schema)];
  return below.some((each) => each !== undefined && hasEmbedded(each));
}
