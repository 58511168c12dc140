import type { OpenApiSchema } from "./model-schemas.ts";

/** What version 2 of OpenAPI has no words for. */
const unsayable: ReadonlySet<string> = new Set(["allOf", "anyOf", "default", "oneOf", "not", "nullable"]);

/**
 * A custom kind's schema as version 2 shows it. kubectl of old refuses what such a schema does not name, so a value that
 * may be null or hold unknown fields is left open: without a type and without anything of what is inside.
 */
export function schemaV2(schema: OpenApiSchema): OpenApiSchema {
  const mayBeNull = schema.nullable === true;
  const preserves = schema["x-kubernetes-preserve-unknown-fields"] === true;
  const isOpen = mayBeNull || preserves;
  const isTypeless = mayBeNull || (preserves && (schema.type === "object" || schema.type === "array"));
  return Object.fromEntries(
    Object.entries(schema).flatMap(([name, value]): [string, unknown][] => {
      if (unsayable.has(name) || (name === "type" && isTypeless)) return [];
      if (isOpen && (name === "properties" || name === "items")) return [];
      if (name === "required") return requiredV2(schema);
      if (name === "properties")
        return [
          [
            name,
            Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, below(each)])),
          ],
        ];
      return [[name, name === "items" || name === "additionalProperties" ? below(value) : value]];
    }),
  );
}

function below(value: unknown): unknown {
  return isSchema(value) ? schemaV2(value) : value;
}

/** A field that may be null cannot be asked for: null would count as missing. */
function requiredV2({ required, properties, additionalProperties }: OpenApiSchema): [string, unknown][] {
  if (!Array.isArray(required)) return [];
  if (isSchema(additionalProperties) && additionalProperties.nullable === true) return [];
  const fields = isSchema(properties) ? properties : {};
  const left = required.filter((name: string) => {
    const field = fields[name];
    return !isSchema(field) || field.nullable !== true;
  });
  return left.length === 0 ? [] : [["required", left]];
}

function isSchema(value: unknown): value is OpenApiSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
