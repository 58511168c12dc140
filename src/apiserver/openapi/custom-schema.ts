import type { OpenApiSchema } from "./model-schemas.ts";

/** What version 2 of OpenAPI can say of a value; all else is left open there, because old clients refuse what they do not know. */
const kept = new Set([
  "type",
  "format",
  "description",
  "title",
  "properties",
  "additionalProperties",
  "items",
  "required",
  "default",
  "enum",
  "minimum",
  "maximum",
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-list-type",
  "x-kubernetes-map-type",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-group-version-kind",
]);

/** A custom kind's schema as version 2 shows it: null, unknown fields and unions cannot be said, so nothing is. */
export function schemaV2(schema: OpenApiSchema): OpenApiSchema {
  const open =
    schema.nullable === true ||
    schema["x-kubernetes-preserve-unknown-fields"] === true ||
    schema["x-kubernetes-int-or-string"] === true;
  const below = (value: unknown) => (isSchema(value) ? schemaV2(value) : value);
  return Object.fromEntries(
    Object.entries(schema).flatMap(([name, value]): [string, unknown][] => {
      if (!kept.has(name)) return [];
      if (name === "properties")
        return open
          ? []
          : [
              [
                name,
                Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, below(each)])),
              ],
            ];
      if (name === "items" || name === "additionalProperties") return open ? [] : [[name, below(value)]];
      if (open && (name === "type" || name === "format" || name === "required")) return [];
      return [[name, value]];
    }),
  );
}

function isSchema(value: unknown): value is OpenApiSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
