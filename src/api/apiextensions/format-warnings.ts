import { isKnownFormat } from "../../apimachinery/structural-schema/formats.ts";
import type { JsonSchema } from "../../apimachinery/structural-schema/json-schema.ts";
import type { CustomResourceDefinition } from "./types.generated.ts";

/** Formats that mean nothing here: values are not checked against them. Told when they come, not as long as they stay. */
export function formatWarnings(
  definition: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): readonly string[] {
  const before = new Set(old === undefined ? [] : unknownFormats(old));
  return unknownFormats(definition)
    .filter((format) => !before.has(format))
    .map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

function unknownFormats({ spec }: CustomResourceDefinition): readonly string[] {
  return (spec.versions ?? []).flatMap(({ schema }) =>
    // A schema of the API's own type, with names as JSON has them.
    schema?.openAPIV3Schema === undefined ? [] : formatsIn(schema.openAPIV3Schema as JsonSchema),
  );
}

function formatsIn(schema: JsonSchema): readonly string[] {
  const { items, not, additionalProperties, allOf = [], anyOf = [], oneOf = [], properties = {} } = schema;
  const inner = [
    ...(Array.isArray(items) ? items : [items]),
    ...allOf,
    ...anyOf,
    ...oneOf,
    not,
    ...Object.values(properties),
    typeof additionalProperties === "object" ? additionalProperties : undefined,
  ];
  return [
    ...(isUnknown(schema) ? [schema.format ?? ""] : []),
    ...inner.flatMap((part: JsonSchema | undefined) => (part === undefined ? [] : formatsIn(part))),
  ];
}

function isUnknown({ type = "", format = "" }: JsonSchema): boolean {
  if (format === "") return false;
  switch (type) {
    case "":
    case "string":
      return !isKnownFormat(format);
    case "integer":
      return format !== "int32" && format !== "int64";
    case "number":
      return format !== "float" && format !== "double";
    default:
      return false;
  }
}
