import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { encodeGnosticV3 } from "./gnostic-v3.ts";

/** Of gnostic's openapi.v3, what the test reads; the numbers are facts of that file. */
const { root } = protobuf.parse(`
syntax = "proto3";
message Any { string yaml = 2; }
message NamedAny { string name = 1; Any value = 2; }
message Reference { string _ref = 1; }
message DefaultType { double number = 1; bool boolean = 2; string string = 3; }
message ItemsItem { repeated SchemaOrReference schema_or_reference = 1; }
message AdditionalPropertiesItem { SchemaOrReference schema_or_reference = 1; bool boolean = 2; }
message NamedSchema { string name = 1; SchemaOrReference value = 2; }
message Schemas { repeated NamedSchema additional_properties = 1; }
message SchemaOrReference { Schema schema = 1; Reference reference = 2; }
message Schema {
  bool nullable = 1; double maximum = 11; double minimum = 13; int64 max_length = 15; string pattern = 17;
  repeated string required = 23; repeated Any enum = 24; string type = 25; repeated SchemaOrReference all_of = 26;
  Schema not = 29; ItemsItem items = 30; Schemas properties = 31; AdditionalPropertiesItem additional_properties = 32;
  DefaultType default = 33; string description = 34; string format = 35; repeated NamedAny specification_extension = 36;
}
message MediaType { SchemaOrReference schema = 1; }
message NamedMediaType { string name = 1; MediaType value = 2; }
message MediaTypes { repeated NamedMediaType additional_properties = 1; }
message Response { string description = 1; MediaTypes content = 3; }
message ResponseOrReference { Response response = 1; Reference reference = 2; }
message NamedResponse { string name = 1; ResponseOrReference value = 2; }
message Responses { ResponseOrReference default = 1; repeated NamedResponse response_or_reference = 2; }
message Parameter { string name = 1; string in = 2; bool required = 4; SchemaOrReference schema = 10; }
message ParameterOrReference { Parameter parameter = 1; Reference reference = 2; }
message RequestBody { MediaTypes content = 2; bool required = 3; }
message RequestBodyOrReference { RequestBody request_body = 1; Reference reference = 2; }
message Operation {
  repeated string tags = 1; string operation_id = 5; repeated ParameterOrReference parameters = 6;
  RequestBodyOrReference request_body = 7; Responses responses = 8; repeated NamedAny specification_extension = 13;
}
message PathItem { Operation get = 4; Operation post = 6; repeated ParameterOrReference parameters = 13; }
message NamedPathItem { string name = 1; PathItem value = 2; }
message Paths { repeated NamedPathItem path = 1; }
message Info { string title = 1; string version = 6; }
message Components { Schemas schemas = 1; }
message Document { string openapi = 1; Info info = 2; Paths paths = 4; Components components = 5; }
`);

function decoded(document: object): Record<string, unknown> {
  const type = root.lookupType("Document");
  return type.toObject(type.decode(encodeGnosticV3(document)), { longs: Number });
}

/** How a schema comes back that stands alone under the name S. */
function schemaBack(schema: object): unknown {
  const { components } = decoded({ components: { schemas: { S: schema } } });
  return (components as { schemas: { additionalProperties: { value: unknown }[] } }).schemas
    .additionalProperties[0]?.value;
}

for (const [what, schema, expected] of [
  ["a reference", { $ref: "#/components/schemas/Pod" }, { reference: { _ref: "#/components/schemas/Pod" } }],
  [
    "bounds, also those below zero",
    { type: "integer", minimum: -1.5, maximum: 2 ** 40, maxLength: 300, pattern: "^a$" },
    { schema: { type: "integer", minimum: -1.5, maximum: 2 ** 40, maxLength: 300, pattern: "^a$" } },
  ],
  [
    "a list of references",
    { type: "array", items: { $ref: "#/A" } },
    { schema: { type: "array", items: { schemaOrReference: [{ reference: { _ref: "#/A" } }] } } },
  ],
  [
    "a map, open or typed",
    { additionalProperties: true, not: { additionalProperties: { type: "string" } } },
    {
      schema: {
        additionalProperties: { boolean: true },
        not: { additionalProperties: { schemaOrReference: { schema: { type: "string" } } } },
      },
    },
  ],
  ["a default that is text", { default: "TCP" }, { schema: { default: { string: "TCP" } } }],
  ["a default that is a number", { default: 3 }, { schema: { default: { number: 3 } } }],
  ["a default that is an object, which has no place", { default: {} }, { schema: { default: {} } }],
  [
    "what the schema extends itself with",
    { nullable: true, required: ["a", "b"], enum: ["x", 1], "x-kubernetes-list-map-keys": ["name"] },
    {
      schema: {
        nullable: true,
        required: ["a", "b"],
        enum: [{ yaml: '"x"\n' }, { yaml: "1\n" }],
        specificationExtension: [{ name: "x-kubernetes-list-map-keys", value: { yaml: '["name"]\n' } }],
      },
    },
  ],
] as const)
  test(`OpenAPI v3 as protobuf: ${what}`, () => assert.deepEqual(schemaBack(schema), expected));

test("OpenAPI v3 as protobuf: paths with their parameters, bodies and answers", () => {
  const pod = { $ref: "#/components/schemas/Pod" };
  const content = { "application/json": { schema: pod } };
  const contentBack = {
    additionalProperties: [
      { name: "application/json", value: { schema: { reference: { _ref: pod.$ref } } } },
    ],
  };
  const document = {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.36.0" },
    paths: {
      "/api/v1/pods": {
        parameters: [{ name: "limit", in: "query", schema: { type: "integer" } }],
        post: {
          tags: ["core_v1"],
          operationId: "createPod",
          requestBody: { required: true, content },
          responses: { "201": { description: "Created", content }, default: { description: "Else" } },
          "x-kubernetes-action": "post",
        },
      },
    },
  };
  assert.deepEqual(decoded(document), {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.36.0" },
    paths: {
      path: [
        {
          name: "/api/v1/pods",
          value: {
            parameters: [
              { parameter: { name: "limit", in: "query", schema: { schema: { type: "integer" } } } },
            ],
            post: {
              tags: ["core_v1"],
              operationId: "createPod",
              requestBody: { requestBody: { required: true, content: contentBack } },
              responses: {
                default: { response: { description: "Else" } },
                responseOrReference: [
                  { name: "201", value: { response: { description: "Created", content: contentBack } } },
                ],
              },
              specificationExtension: [{ name: "x-kubernetes-action", value: { yaml: '"post"\n' } }],
            },
          },
        },
      ],
    },
  });
});
