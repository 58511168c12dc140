import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import { defineKind, kindPath } from "../custom-resources/test-support.ts";
import { admin, startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await server.server.start();
  await defineKind(server, { plural: "widgets", kind: "Widget", schema });
  await defineKind(server, { plural: "blobs", kind: "Blob" });
});
after(() => server.close());

const schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        color: { type: "string", default: "red" },
        ports: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: {
            type: "object",
            required: ["name"],
            properties: { name: { type: "string" }, port: { type: "integer" } },
          },
        },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  },
};

const widget = (spec: object, kind = "Widget") => ({
  apiVersion: "example.com/v1",
  kind,
  metadata: { name: "a" },
  spec,
});

const options = (manager: string, body: object, query: Record<string, string> = {}) => ({
  headers: { "content-type": "application/apply-patch+yaml" },
  query: { fieldManager: manager, ...query },
  body,
});

test("Server side field validation, valid CR with validation schema: applied, merged by list type, given up", async () => {
  const path = `${kindPath("widgets")}/a`;
  const one = widget({ ports: [{ name: "x", port: 1 }] });
  const made = await server.ok("PATCH", path, options("one", one, { fieldValidation: "Strict" }));
  assert.deepEqual(made.spec, { color: "red", ports: [{ name: "x", port: 1 }] });
  const two = widget({ ports: [{ name: "y", port: 2 }], free: { k: 1 } });
  const both = await server.ok("PATCH", path, options("two", two));
  assert.deepEqual((both.spec as { ports: unknown }).ports, [
    { name: "x", port: 1 },
    { name: "y", port: 2 },
  ]);
  const left = await server.ok("PATCH", path, options("one", widget({})));
  assert.deepEqual(left.spec, { color: "red", ports: [{ name: "y", port: 2 }], free: { k: 1 } });
});

test("Server side field validation, unknown fields CR fails validation when it is applied", async () => {
  const body = widget({ unknownField: 1 });
  const refused = await server.object<Status>("PATCH", `${kindPath("widgets")}/b`, options("one", body));
  assert.match(refused.message ?? "", /\.spec\.unknownField: field not declared in schema/);
});

test("Server side field validation, unknown fields CR no validation schema: maps are merged key by key", async () => {
  const path = `${kindPath("blobs")}/a`;
  const made = await server.ok(
    "PATCH",
    path,
    options("one", widget({ any: { k: 1 } }, "Blob"), { fieldValidation: "Strict" }),
  );
  assert.deepEqual(made.spec, { any: { k: 1 } });
  const conflict = await server.object<Status>(
    "PATCH",
    path,
    options("two", widget({ any: { k: 2 } }, "Blob")),
  );
  assert.match(conflict.message ?? "", /conflict with "one": \.spec\.any\.k$/);
});

test("Server side field validation, CR duplicates are named with their line when it is applied", async () => {
  const yaml = [
    "apiVersion: example.com/v1",
    "kind: Blob",
    "metadata:",
    "  name: twice",
    "spec:",
    "  a: 1",
    "  a: 2",
  ].join("\n");
  const response = await server.server.handle(
    {
      method: "PATCH",
      path: `${kindPath("blobs")}/twice`,
      query: new URLSearchParams({ fieldManager: "one", fieldValidation: "Strict" }),
      headers: { "content-type": "application/apply-patch+yaml" },
      body: { bytes: new TextEncoder().encode(yaml) },
      signal: new AbortController().signal,
    },
    { user: admin },
  );
  assert.equal(response.status, 400);
  const { message = "" } = (response as { object: Status }).object; // an answer of 400 is a Status
  assert.match(
    message,
    /^error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n {2}line 7: key "a" already set in map$/,
  );
});
