/** Parts of definitions in the form upstream has them in when it judges them, which its messages quote: Go's names, and zero values. */
import { isShared } from "./hoisted-fields.ts";
import type {
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  JSONSchemaProps,
  ValidationRule,
} from "./types.generated.ts";

/** Versions without what all of them share. */
export function internalVersions(spec: CustomResourceDefinitionSpec): readonly object[] | null {
  const own = (name: keyof CustomResourceDefinitionVersion & Parameters<typeof isShared>[1]) =>
    !isShared(spec, name);
  // Definitions that are written in JSON may say null.
  const versions = (spec.versions ?? null) as readonly CustomResourceDefinitionVersion[] | null;
  return (
    versions?.map((version) => ({
      Name: version.name,
      Served: version.served,
      Storage: version.storage,
      Deprecated: version.deprecated ?? false,
      DeprecationWarning: version.deprecationWarning ?? null,
      Schema: own("schema") && version.schema !== undefined ? internalValidation(version) : null,
      Subresources: own("subresources") ? internalSubresources(version.subresources) : null,
      AdditionalPrinterColumns: own("additionalPrinterColumns") ? internalColumns(version) : null,
      SelectableFields: own("selectableFields")
        ? (version.selectableFields?.map(({ jsonPath }) => ({ JSONPath: jsonPath })) ?? null)
        : null,
    })) ?? null
  );
}

function internalValidation({ schema }: CustomResourceDefinitionVersion): object {
  const given = schema?.openAPIV3Schema;
  return { OpenAPIV3Schema: given === undefined ? null : internalSchema(given) };
}

function internalSubresources(subresources: CustomResourceSubresources | undefined): object | null {
  if (subresources === undefined) return null;
  const { status, scale } = subresources;
  return {
    Status: status === undefined ? null : {},
    Scale:
      scale === undefined
        ? null
        : {
            SpecReplicasPath: scale.specReplicasPath,
            StatusReplicasPath: scale.statusReplicasPath,
            LabelSelectorPath: scale.labelSelectorPath ?? null,
          },
  };
}

function internalColumns({
  additionalPrinterColumns,
}: CustomResourceDefinitionVersion): readonly object[] | null {
  return (
    additionalPrinterColumns?.map(({ name, type, format, description, priority, jsonPath }) => ({
      Name: name,
      Type: type,
      Format: format ?? "",
      Description: description ?? "",
      Priority: priority ?? 0,
      JSONPath: jsonPath,
    })) ?? null
  );
}

type Parts = Readonly<Record<string, JSONSchemaProps>>;

export function internalSchema(schema: JSONSchemaProps): object {
  return {
    ID: schema.id ?? "",
    Schema: schema.$schema ?? "",
    Ref: schema.$ref ?? null,
    Description: schema.description ?? "",
    Type: schema.type ?? "",
    Nullable: schema.nullable ?? false,
    Format: schema.format ?? "",
    Title: schema.title ?? "",
    Default: schema.default ?? null,
    Maximum: schema.maximum ?? null,
    ExclusiveMaximum: schema.exclusiveMaximum ?? false,
    Minimum: schema.minimum ?? null,
    ExclusiveMinimum: schema.exclusiveMinimum ?? false,
    MaxLength: schema.maxLength ?? null,
    MinLength: schema.minLength ?? null,
    Pattern: schema.pattern ?? "",
    MaxItems: schema.maxItems ?? null,
    MinItems: schema.minItems ?? null,
    UniqueItems: schema.uniqueItems ?? false,
    MultipleOf: schema.multipleOf ?? null,
    Enum: schema.enum ?? null,
    MaxProperties: schema.maxProperties ?? null,
    MinProperties: schema.minProperties ?? null,
    Required: schema.required ?? null,
    Items: internalItems(schema.items),
    AllOf: schema.allOf?.map(internalSchema) ?? null,
    OneOf: schema.oneOf?.map(internalSchema) ?? null,
    AnyOf: schema.anyOf?.map(internalSchema) ?? null,
    Not: schema.not === undefined ? null : internalSchema(schema.not),
    Properties: internalParts(schema.properties),
    AdditionalProperties: schemaOrBoolean(schema.additionalProperties),
    PatternProperties: internalParts(schema.patternProperties),
    Dependencies: schema.dependencies ?? null,
    AdditionalItems: schemaOrBoolean(schema.additionalItems),
    Definitions: internalParts(schema.definitions),
    ExternalDocs:
      schema.externalDocs === undefined
        ? null
        : { Description: schema.externalDocs.description ?? "", URL: schema.externalDocs.url ?? "" },
    Example: schema.example ?? null,
    XPreserveUnknownFields: schema["x-kubernetes-preserve-unknown-fields"] ?? null,
    XEmbeddedResource: schema["x-kubernetes-embedded-resource"] ?? false,
    XIntOrString: schema["x-kubernetes-int-or-string"] ?? false,
    XListMapKeys: schema["x-kubernetes-list-map-keys"] ?? null,
    XListType: schema["x-kubernetes-list-type"] ?? null,
    XMapType: schema["x-kubernetes-map-type"] ?? null,
    XValidations: internalRules(schema),
  };
}

function internalRules({ "x-kubernetes-validations": rules }: JSONSchemaProps): readonly object[] | null {
  return rules?.map(internalRule) ?? null;
}

export function internalRule(given: Partial<ValidationRule>): object {
  const { rule, message, messageExpression, reason, fieldPath, optionalOldSelf } = given;
  return {
    Rule: rule ?? "",
    Message: message ?? "",
    MessageExpression: messageExpression ?? "",
    Reason: reason ?? null,
    FieldPath: fieldPath ?? "",
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}

function internalParts(parts: Parts | undefined): object | null {
  if (parts === undefined) return null;
  const names = Object.keys(parts).toSorted();
  return Object.fromEntries(names.map((name) => [name, internalSchema(parts[name] ?? {})]));
}

function internalItems(items: unknown): object | null {
  if (items === undefined) return null;
  return Array.isArray(items)
    ? { Schema: null, JSONSchemas: items.map((item: JSONSchemaProps) => internalSchema(item)) }
    : { Schema: internalSchema(items as JSONSchemaProps), JSONSchemas: null }; // no list
}

function schemaOrBoolean(value: unknown): object | null {
  if (value === undefined) return null;
  return typeof value === "boolean"
    ? { Allows: value, Schema: null }
    : { Allows: true, Schema: internalSchema(value as JSONSchemaProps) }; // the other of the two
}
