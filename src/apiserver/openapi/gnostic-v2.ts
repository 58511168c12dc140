/** OpenAPI v2 in the binary form of gnostic (`openapi.v2.Document`), the only one of version 2 that kubectl reads. */
import { ReverseWriter } from "../../apimachinery/protobuf/writer.ts";
import {
  any,
  flag,
  type Json,
  type Member,
  map,
  message,
  sized,
  text,
  type Write,
  wrapped,
  writeMember,
} from "./gnostic-writer.ts";

const schema: Write = message(
  () => [
    { name: "$ref", number: 1, write: text },
    { name: "format", number: 2, write: text },
    { name: "title", number: 3, write: text },
    { name: "description", number: 4, write: text },
    { name: "default", number: 5, write: any },
    { name: "pattern", number: 13, write: text },
    { name: "uniqueItems", number: 16, write: flag },
    { name: "required", number: 19, write: text, repeated: true },
    { name: "enum", number: 20, write: any, repeated: true },
    { name: "additionalProperties", number: 21, write: additionalProperties },
    { name: "type", number: 22, write: wrapped(text, 1) },
    { name: "items", number: 23, write: wrapped(schema, 1) },
    { name: "allOf", number: 24, write: schema, repeated: true },
    { name: "properties", number: 25, write: map(schema) },
  ],
  31,
);

function additionalProperties(writer: ReverseWriter, value: unknown): void {
  sized(writer, () => {
    const isFlag = typeof value === "boolean";
    if (isFlag) flag(writer, value);
    else schema(writer, value);
    writer.varint(isFlag ? 2 * 8 : 1 * 8 + 2);
  });
}

const bodyParameter = message(
  () => [
    { name: "description", number: 1, write: text },
    { name: "name", number: 2, write: text },
    { name: "in", number: 3, write: text },
    { name: "required", number: 4, write: flag },
    { name: "schema", number: 5, write: schema },
  ],
  6,
);

const queryParameter = message(
  () => [
    { name: "required", number: 1, write: flag },
    { name: "in", number: 2, write: text },
    { name: "description", number: 3, write: text },
    { name: "name", number: 4, write: text },
    { name: "type", number: 6, write: text },
    { name: "format", number: 7, write: text },
    { name: "uniqueItems", number: 20, write: flag },
  ],
  23,
);

const pathParameter = message(
  () => [
    { name: "required", number: 1, write: flag },
    { name: "in", number: 2, write: text },
    { name: "description", number: 3, write: text },
    { name: "name", number: 4, write: text },
    { name: "type", number: 5, write: text },
    { name: "format", number: 6, write: text },
    { name: "uniqueItems", number: 19, write: flag },
  ],
  22,
);

const parameter: Write = (writer, value) => {
  const { in: place } = value as { readonly in: string };
  if (place === "body") wrapped(bodyParameter, 1)(writer, value);
  else if (place === "query") wrapped(wrapped(queryParameter, 3), 2)(writer, value);
  else wrapped(wrapped(pathParameter, 4), 2)(writer, value);
};

const reference = message(() => [{ name: "$ref", number: 1, write: text }]);

const parameterItem: Write = (writer, value) => {
  const isReference = Object.hasOwn(value as Json, "$ref");
  if (isReference) wrapped(reference, 2)(writer, value);
  else wrapped(parameter, 1)(writer, value);
};

const response = message(
  () => [
    { name: "description", number: 1, write: text },
    { name: "schema", number: 2, write: wrapped(schema, 1) },
  ],
  5,
);

const operation = message(
  () => [
    { name: "tags", number: 1, write: text, repeated: true },
    { name: "description", number: 3, write: text },
    { name: "operationId", number: 5, write: text },
    { name: "produces", number: 6, write: text, repeated: true },
    { name: "consumes", number: 7, write: text, repeated: true },
    { name: "parameters", number: 8, write: parameterItem, repeated: true },
    { name: "responses", number: 9, write: map(wrapped(response, 1)) },
    { name: "schemes", number: 10, write: text, repeated: true },
  ],
  13,
);

const pathItem = message(
  () => [
    { name: "get", number: 2, write: operation },
    { name: "put", number: 3, write: operation },
    { name: "post", number: 4, write: operation },
    { name: "delete", number: 5, write: operation },
    { name: "options", number: 6, write: operation },
    { name: "head", number: 7, write: operation },
    { name: "patch", number: 8, write: operation },
    { name: "parameters", number: 9, write: parameterItem, repeated: true },
  ],
  10,
);

const info = message(() => [
  { name: "title", number: 1, write: text },
  { name: "version", number: 2, write: text },
]);

const apiKey = message(() => [
  { name: "type", number: 1, write: text },
  { name: "name", number: 2, write: text },
  { name: "in", number: 3, write: text },
  { name: "description", number: 4, write: text },
]);

const stringList: Write = (writer, value) =>
  sized(writer, () => writeMember(writer, { name: "", number: 1, write: text, repeated: true }, value));

const root: readonly Member[] = [
  { name: "swagger", number: 1, write: text },
  { name: "info", number: 2, write: info },
  { name: "paths", number: 8, write: map(pathItem, 2) },
  { name: "definitions", number: 9, write: map(schema) },
  { name: "parameters", number: 10, write: map(parameter) },
  { name: "security", number: 12, write: map(stringList), repeated: true },
  { name: "securityDefinitions", number: 13, write: map(wrapped(apiKey, 2)) },
];

/** The bytes of an OpenAPI v2 document that this server made. */
export function encodeGnosticV2(document: object): Uint8Array {
  const writer = new ReverseWriter(256 * 1024);
  for (const member of root.toReversed()) writeMember(writer, member, (document as Json)[member.name]);
  return writer.finish();
}
