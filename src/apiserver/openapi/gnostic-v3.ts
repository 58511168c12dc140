/** OpenAPI v3 in the binary form of gnostic (`openapi.v3.Document`). */
import { ReverseWriter } from "../../apimachinery/protobuf/writer.ts";
import {
  any,
  double,
  flag,
  integer,
  type Json,
  type Member,
  map,
  message,
  named,
  sized,
  text,
  type Write,
  wrapped,
  writeMember,
  writeTag,
} from "./gnostic-writer.ts";

const reference = message(() => [
  { name: "$ref", number: 1, write: text },
  { name: "summary", number: 2, write: text },
  { name: "description", number: 3, write: text },
]);

/** Gnostic's XOrReference. */
function orReference(write: Write): Write {
  const inline = wrapped(write, 1);
  const referred = wrapped(reference, 2);
  return (writer, value) => (Object.hasOwn(value as Json, "$ref") ? referred : inline)(writer, value);
}

const schemaItself: Write = message(
  () => [
    { name: "nullable", number: 1, write: flag },
    { name: "readOnly", number: 3, write: flag },
    { name: "writeOnly", number: 4, write: flag },
    { name: "externalDocs", number: 6, write: externalDocs },
    { name: "example", number: 7, write: any },
    { name: "deprecated", number: 8, write: flag },
    { name: "title", number: 9, write: text },
    { name: "multipleOf", number: 10, write: double },
    { name: "maximum", number: 11, write: double },
    { name: "exclusiveMaximum", number: 12, write: flag },
    { name: "minimum", number: 13, write: double },
    { name: "exclusiveMinimum", number: 14, write: flag },
    { name: "maxLength", number: 15, write: integer },
    { name: "minLength", number: 16, write: integer },
    { name: "pattern", number: 17, write: text },
    { name: "maxItems", number: 18, write: integer },
    { name: "minItems", number: 19, write: integer },
    { name: "uniqueItems", number: 20, write: flag },
    { name: "maxProperties", number: 21, write: integer },
    { name: "minProperties", number: 22, write: integer },
    { name: "required", number: 23, write: text, repeated: true },
    { name: "enum", number: 24, write: any, repeated: true },
    { name: "type", number: 25, write: text },
    { name: "allOf", number: 26, write: schema, repeated: true },
    { name: "oneOf", number: 27, write: schema, repeated: true },
    { name: "anyOf", number: 28, write: schema, repeated: true },
    { name: "not", number: 29, write: schemaItself },
    { name: "items", number: 30, write: wrapped(schema, 1) },
    { name: "properties", number: 31, write: map(schema) },
    { name: "additionalProperties", number: 32, write: additionalProperties },
    { name: "default", number: 33, write: defaultValue },
    { name: "description", number: 34, write: text },
    { name: "format", number: 35, write: text },
  ],
  36,
);

const schema = orReference(schemaItself);

const externalDocs = message(
  () => [
    { name: "description", number: 1, write: text },
    { name: "url", number: 2, write: text },
  ],
  3,
);

function additionalProperties(writer: ReverseWriter, value: unknown): void {
  const write = typeof value === "boolean" ? flag : schema;
  wrapped(write, write === flag ? 2 : 1)(writer, value);
}

/** Scalars only: what else a default may be, gnostic has no place for. */
function defaultValue(writer: ReverseWriter, value: unknown): void {
  if (typeof value === "number") wrapped(double, 1)(writer, value);
  else if (typeof value === "boolean") wrapped(flag, 2)(writer, value);
  else if (typeof value === "string") wrapped(text, 3)(writer, value);
  else sized(writer, () => {});
}

const content = map(
  message(
    () => [
      { name: "schema", number: 1, write: schema },
      { name: "example", number: 2, write: any },
    ],
    5,
  ),
);

const parameter = orReference(
  message(
    () => [
      { name: "name", number: 1, write: text },
      { name: "in", number: 2, write: text },
      { name: "description", number: 3, write: text },
      { name: "required", number: 4, write: flag },
      { name: "deprecated", number: 5, write: flag },
      { name: "allowEmptyValue", number: 6, write: flag },
      { name: "style", number: 7, write: text },
      { name: "explode", number: 8, write: flag },
      { name: "schema", number: 10, write: schema },
      { name: "content", number: 13, write: content },
    ],
    14,
  ),
);

const requestBody = orReference(
  message(
    () => [
      { name: "description", number: 1, write: text },
      { name: "content", number: 2, write: content },
      { name: "required", number: 3, write: flag },
    ],
    4,
  ),
);

const response = orReference(
  message(
    () => [
      { name: "description", number: 1, write: text },
      { name: "content", number: 3, write: content },
    ],
    5,
  ),
);

/** `default` has a field of its own beside those that are named by their status. */
const responses: Write = (writer, value) =>
  sized(writer, () => {
    const { default: fallback, ...byStatus } = value as Json;
    for (const pair of Object.entries(byStatus).toReversed()) {
      named(response)(writer, pair);
      writeTag(writer, 2, response);
    }
    writeMember(writer, { name: "default", number: 1, write: response }, fallback);
  });

const security = map(wrappedTexts, 1);

function wrappedTexts(writer: ReverseWriter, value: unknown): void {
  sized(writer, () => writeMember(writer, { name: "", number: 1, write: text, repeated: true }, value));
}

const operation = message(
  () => [
    { name: "tags", number: 1, write: text, repeated: true },
    { name: "summary", number: 2, write: text },
    { name: "description", number: 3, write: text },
    { name: "operationId", number: 5, write: text },
    { name: "parameters", number: 6, write: parameter, repeated: true },
    { name: "requestBody", number: 7, write: requestBody },
    { name: "responses", number: 8, write: responses },
    { name: "deprecated", number: 10, write: flag },
    { name: "security", number: 11, write: security, repeated: true },
  ],
  13,
);

const pathItem = message(
  () => [
    { name: "summary", number: 2, write: text },
    { name: "description", number: 3, write: text },
    { name: "get", number: 4, write: operation },
    { name: "put", number: 5, write: operation },
    { name: "post", number: 6, write: operation },
    { name: "delete", number: 7, write: operation },
    { name: "options", number: 8, write: operation },
    { name: "head", number: 9, write: operation },
    { name: "patch", number: 10, write: operation },
    { name: "parameters", number: 13, write: parameter, repeated: true },
  ],
  14,
);

const info = message(() => [
  { name: "title", number: 1, write: text },
  { name: "description", number: 2, write: text },
  { name: "version", number: 6, write: text },
]);

const securityScheme = orReference(
  message(() => [
    { name: "type", number: 1, write: text },
    { name: "description", number: 2, write: text },
    { name: "name", number: 3, write: text },
    { name: "in", number: 4, write: text },
    { name: "scheme", number: 5, write: text },
  ]),
);

const components = message(() => [
  { name: "schemas", number: 1, write: map(schema) },
  { name: "responses", number: 2, write: map(response) },
  { name: "parameters", number: 3, write: map(parameter) },
  { name: "requestBodies", number: 5, write: map(requestBody) },
  { name: "securitySchemes", number: 7, write: map(securityScheme) },
]);

const root: readonly Member[] = [
  { name: "openapi", number: 1, write: text },
  { name: "info", number: 2, write: info },
  { name: "paths", number: 4, write: map(pathItem) },
  { name: "components", number: 5, write: components },
  { name: "security", number: 6, write: security, repeated: true },
];

/** The bytes of an OpenAPI v3 document that this server made. */
export function encodeGnosticV3(document: object): Uint8Array {
  const writer = new ReverseWriter(64 * 1024);
  for (const member of root.toReversed()) writeMember(writer, member, (document as Json)[member.name]);
  return writer.finish();
}
