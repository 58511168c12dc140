import { itemsOf } from "../../apimachinery/structural-schema/json-schema.ts";
import type { CustomResourceDefinitionSpec, JSONSchemaProps } from "./types.generated.ts";

/** The schema of a list's items; undefined: there is none, or one for each position. */
export const itemSchema = (schema: JSONSchemaProps): JSONSchemaProps | undefined =>
  itemsOf(schema) as JSONSchemaProps | undefined; // the same schema under another name

/** Whether a schema, or one inside of it, is such. */
export function someSchema(schema: JSONSchemaProps, isSuch: (schema: JSONSchemaProps) => boolean): boolean {
  return isSuch(schema) || partsOf(schema).some((part) => someSchema(part, isSuch));
}

/** Whether any version of a definition has such a schema. */
export const hasSchema = (
  { versions = [] }: CustomResourceDefinitionSpec,
  isSuch: (schema: JSONSchemaProps) => boolean,
): boolean =>
  versions.some(
    ({ schema }) => schema?.openAPIV3Schema !== undefined && someSchema(schema.openAPIV3Schema, isSuch),
  );

function partsOf(schema: JSONSchemaProps): readonly JSONSchemaProps[] {
  const { items, allOf = [], oneOf = [], anyOf = [], not, additionalItems, additionalProperties } = schema;
  const named = [schema.properties, schema.patternProperties, schema.definitions, schema.dependencies];
  return [
    ...[items, not, additionalItems, additionalProperties].flat(),
    ...allOf,
    ...oneOf,
    ...anyOf,
    ...named.flatMap((parts) => Object.values(parts ?? {})),
  ].filter(isSchema);
}

function isSchema(part: unknown): part is JSONSchemaProps {
  return typeof part === "object" && part !== null && !Array.isArray(part);
}
