import { schemas } from "../../api/schemas.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { ObjectShape } from "../../apimachinery/schema/decode.ts";
import { normalize } from "../../apimachinery/schema/normalize.ts";
import { strictErrors } from "../../apimachinery/schema/strict-errors.ts";
import { applyDefaults } from "../../apimachinery/structural-schema/apply-defaults.ts";
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
      const unknownFields: string[] = [];
      const metadata = readMetadata(object.metadata, "metadata", unknownFields);
      const pruned = pruneObject({ ...object, metadata }, schema);
      const coerced = embeds ? coerceEmbedded(pruned.value, schema, "", unknownFields) : pruned.value;
      return {
        object: applyDefaults(coerced as JsonObject, schema), // an object stays one
        unknownFields: [...unknownFields, ...pruned.unknownFields].toSorted(),
      };
    },
  };
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
      if (schema["x-kubernetes-embedded-resource"] === true && name === "metadata" && isObject(member))
        return [name, readMetadata(member, at, unknownFields)];
      return [name, coerceEmbedded(member, propertyOf(schema, name) ?? valuesOf(schema), at, unknownFields)];
    }),
  );
}

function hasEmbedded(schema: JsonSchema): boolean {
  if (schema["x-kubernetes-embedded-resource"] === true) return true;
  const below = [...Object.values(schema.properties ?? {}), itemsOf(schema), valuesOf(schema)];
  return below.some((each) => each !== undefined && hasEmbedded(each));
}
