import type { OpenApiSchema } from "./model-schemas.ts";

/**
 * A custom kind's schema with what Kubernetes' extensions mean said in OpenAPI's own words: that a value is a number or a
 * text, and the fields that embedded resources have (`resource`; undefined: they are not named where unknown ones stay).
 */
export function withImplied(
  schema: OpenApiSchema,
  resource: { readonly fields: Readonly<Record<string, OpenApiSchema>>; readonly alsoOfOpen: boolean },
): OpenApiSchema {
  const below = (value: unknown) => (isSchema(value) ? withImplied(value, resource) : value);
  const { properties, items, additionalProperties } = schema;
  const inner: OpenApiSchema = {
    ...schema,
    ...(isSchema(properties)
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, each]) => [name, below(each)]),
          ),
        }
      : {}),
    ...(items === undefined ? {} : { items: below(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: below(additionalProperties) }),
  };
  if (schema["x-kubernetes-int-or-string"] === true) return withEitherType(inner);
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (schema["x-kubernetes-embedded-resource"] !== true || (isOpen && !resource.alsoOfOpen)) return inner;
  const required = listOf(schema.required);
  return {
    ...inner,
    required: [...required, ...["kind", "apiVersion"].filter((name) => !required.includes(name))],
    properties: { ...(inner.properties as object | undefined), ...resource.fields },
  };
}

const eitherType = [{ type: "integer" }, { type: "string" }];

/** Where a schema has alternatives of its own, the two types are one of the conditions that all hold. */
function withEitherType(schema: OpenApiSchema): OpenApiSchema {
  const { anyOf, allOf, ...rest } = schema;
  const [first, ...others] = listOf(allOf);
  const saysSo = isEither(anyOf);
  const conditions = !saysSo && isSchema(first) && isEither(first.anyOf) ? others : listOf(allOf);
  const hasOwn = !saysSo && listOf(anyOf).length > 0;
  const all = hasOwn ? [{ anyOf: eitherType }, ...conditions] : conditions;
  return {
    ...rest,
    anyOf: hasOwn ? anyOf : eitherType,
    ...(all.length === 0 ? {} : { allOf: all }),
  };
}

function isEither(value: unknown): boolean {
  const [first, second, third] = listOf(value);
  if (!isSchema(first) || !isSchema(second) || third !== undefined) return false;
  return first.type === "integer" && second.type === "string";
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function isSchema(value: unknown): value is OpenApiSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
