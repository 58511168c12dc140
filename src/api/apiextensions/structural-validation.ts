/** Schemas of custom resources are structural: every part says what it is, and logic only restricts (KEP-1111). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { internalSchema } from "./internal-form.ts";
import { openApiErrors, strict, type Tolerance } from "./open-api-validation.ts";
import { someSchema } from "./schema-parts.ts";
import { completenessErrors, invariantErrors } from "./structural-invariants.ts";
import type { JSONSchemaProps } from "./types.generated.ts";

type Errors = readonly FieldError[];

interface SchemaOptions {
  /** Whether the kind has the status subresource. */
  readonly hasStatus?: boolean;
  readonly tolerance?: Tolerance;
}

/** The schema of a whole object. */
export function structuralErrors(
  path: string,
  schema: JSONSchemaProps,
  { hasStatus = false, tolerance = strict }: SchemaOptions = {},
): Errors {
  const errors: FieldError[] = hasStatus ? [...rootErrors(path, schema)] : [];
  if (schema.nullable === true)
    errors.push(field.forbidden(field.child(path, "nullable"), "nullable cannot be true at the root"));
  const fault = conversionFault(schema);
  if (fault === undefined) {
    const structural = [...invariantErrors(path, schema, "root"), ...completenessErrors(path, schema)];
    errors.push(...structural.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1)));
  }
  errors.push(...openApiErrors(path, schema, tolerance));
  return fault === undefined || errors.length > 0 ? errors : [field.invalid(path, "", fault)];
}

const textOf = ({ field: at, message }: FieldError) => `${at}: ${message}`;

/** Why a schema cannot be read as a structural one at all; undefined: it can. */
function conversionFault(schema: JSONSchemaProps): string | undefined {
  let fault: string | undefined;
  someSchema(schema, (part) => {
    if (Array.isArray(part.items)) fault = "OpenAPIV3Schema 'items' must be a schema, but is an array";
    else if (part["x-kubernetes-preserve-unknown-fields"] === false)
      fault = "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
    else {
      const wrong = unreadable.find((name) => part[name] !== undefined);
      if (wrong !== undefined)
        fault = `OpenAPIV3Schema '${wrong.replace("$schema", "schema")}' is not supported`;
    }
    return fault !== undefined;
  });
  return fault;
}

const unreadable = [
  "id",
  "$schema",
  "$ref",
  "patternProperties",
  "dependencies",
  "additionalItems",
  "definitions",
] as const;

/** With a status subresource only these fields keep their meaning at the root. In the order and spelling of upstream's message. */
const rootFields =
  "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations";

const rootNames = new Set([
  ...rootFields
    .split(" ")
    .filter((name) => !name.startsWith("X"))
    .map((name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`),
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
]);

function rootErrors(path: string, schema: JSONSchemaProps): Errors {
  const errors: FieldError[] = [];
  const status = "if the status subresource is enabled";
  if (schema.type && schema.type !== "object")
    return [
      field.invalid(
        field.child(path, "type"),
        schema.type,
        `only "object" is allowed as the type at the root of the schema ${status}`,
      ),
    ];
  const isOther = ([name, value]: [string, unknown]) =>
    !rootNames.has(name) && value !== undefined && value !== false && value !== "";
  if (Object.entries(schema).some(isOther))
    errors.push(
      field.invalid(
        path,
        internalSchema(schema),
        `only [${rootFields}] fields are allowed at the root of the schema ${status}`,
      ),
    );
  return errors;
}
