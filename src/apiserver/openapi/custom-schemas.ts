/** Custom kinds as definitions: their own schema, with what every object and every list has. */
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import { schemaV2 } from "./custom-schema.ts";
import { describeCommonField } from "./descriptions.ts";
import { withImplied } from "./implied-schema.ts";
import type { OpenApiSchema, OpenApiVersion } from "./model-schemas.ts";

/** `example.com/v1 Thing` is `com.example.v1.Thing`. */
export function customName({ group, version, kind }: GroupVersionKind): string {
  return `${group.split(".").toReversed().join(".")}.${version}.${kind}`;
}

const typeMetaProperties = {
  apiVersion: { type: "string", description: describeCommonField("apiVersion") },
  kind: { type: "string", description: describeCommonField("kind") },
};

/** In version 3, what stands beside a reference is ignored by the letter; allOf keeps both. */
function describedReference(version: OpenApiVersion, reference: OpenApiSchema): OpenApiSchema {
  const description = describeCommonField("metadata");
  return version === 2 ? { description, ...reference } : { description, allOf: [reference] };
}

/** What is said of a custom kind beside its schema. */
export interface CustomKindFacts {
  readonly kind: GroupVersionKind;
  /** The fields it is selected by, of one version. */
  readonly selectableFields: readonly string[];
}

function extensionsOf({ kind, selectableFields }: CustomKindFacts): OpenApiSchema {
  const fields = selectableFields.map((fieldPath) => ({ fieldPath }));
  return {
    "x-kubernetes-group-version-kind": [kind],
    ...(fields.length === 0 ? {} : { "x-kubernetes-selectable-fields": fields }),
  };
}

export function objectSchema(
  version: OpenApiVersion,
  facts: CustomKindFacts,
  schema: OpenApiSchema,
  metadata: OpenApiSchema,
): OpenApiSchema {
  const kinds = extensionsOf(facts);
  // Whatever version 2 names, kubectl of old takes for all there may be.
  if (version === 2 && schema["x-kubernetes-preserve-unknown-fields"] === true)
    return { type: "object", ...kinds };
  const fields = { ...typeMetaProperties, metadata: describedReference(version, metadata) };
  const { "x-kubernetes-embedded-resource": _, ...whole } = schema;
  const implied = withImplied(whole, { fields, alsoOfOpen: version === 3 });
  const own = version === 2 ? schemaV2(implied) : implied;
  return {
    ...own,
    type: "object",
    properties: { ...(own.properties as object | undefined), ...fields },
    ...kinds,
  };
}

export function listSchema(
  version: OpenApiVersion,
  facts: CustomKindFacts,
  item: OpenApiSchema,
  metadata: OpenApiSchema,
): OpenApiSchema {
  return {
    type: "object",
    required: ["items"],
    properties: {
      ...typeMetaProperties,
      items: { type: "array", items: item },
      metadata: describedReference(version, metadata),
    },
    ...extensionsOf(facts),
  };
}
