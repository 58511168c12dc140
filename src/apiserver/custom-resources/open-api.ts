import type { ResourceDefinition } from "../../api/definition.ts";
import type { OpenApiSchema } from "../openapi/model-schemas.ts";

/** The schema of a custom kind for OpenAPI documents; undefined for a built-in one. */
export function customSchema(definition: ResourceDefinition, version: string): OpenApiSchema | undefined {
  const custom = definition.custom?.forVersion(version).custom;
  if (custom === undefined) return undefined;
  const schema = custom.schema;
  if (schema === undefined) return { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return schema as OpenApiSchema; // JSON schema is what OpenAPI has
}
