import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";
import { defineKind, definitionBody, kindPath } from "./test-support.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await server.server.start();
});
after(() => server.close());

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** A schema with these rules over its spec. */
const withRules = (
  rules: readonly object[],
  properties: object = { x: { type: "integer" }, y: { type: "integer" } },
) => ({
  type: "object",
  properties: { spec: { type: "object", "x-kubernetes-validations": rules, properties } },
});

const causesOf = (status: Status) =>
  status.details?.causes?.map(({ field, message }) => `${field}: ${message}`);

test("CustomResourceValidationRules: an object that keeps the rules is created, one that breaks them is not", async () => {
  const rules = [
    { rule: "self.x > 0", message: "x must be positive" },
    {
      rule: "self.x >= self.y",
      messageExpression: "'y is ' + (self.y == 1 ? '1' : 'more') + ' but x is less'",
      fieldPath: ".y",
      reason: "FieldValueForbidden",
    },
    { rule: "self.x < 100" },
  ];
  await defineKind(server, { plural: "rules", kind: "Rule", schema: withRules(rules) });
  const body = (name: string, spec: object) => ({
    apiVersion: "example.com/v1",
    kind: "Rule",
    metadata: { name },
    spec,
  });
  await server.ok("POST", kindPath("rules"), { body: body("a", { x: 2, y: 1 }) });
  const broken = await server.object<Status>("POST", kindPath("rules"), { body: body("b", { x: 0, y: 1 }) });
  assert.deepEqual(causesOf(broken), [
    "spec: Invalid value: x must be positive",
    "spec.y: Forbidden: y is 1 but x is less",
  ]);
  const large = await server.object<Status>("POST", kindPath("rules"), { body: body("c", { x: 100, y: 1 }) });
  assert.deepEqual(causesOf(large), ["spec: Invalid value: failed rule: self.x < 100"]);
  const wrong = await server.object<Status>("POST", kindPath("rules"), { body: body("d", { x: "a", y: 1 }) });
  assert.match(
    causesOf(wrong)?.[1] ?? "",
    /^<nil>: Invalid value: null: some validation rules were not checked/,
  );
});

test("CustomResourceValidationRules: a transition rule compares with what stood there", async () => {
  await defineKind(server, {
    plural: "stones",
    kind: "Stone",
    schema: withRules([
      { rule: "self.x == oldSelf.x", message: "x is immutable" },
      {
        rule: "!oldSelf.hasValue() || self.y >= oldSelf.value().y",
        optionalOldSelf: true,
        message: "y only grows",
      },
    ]),
  });
  const body = { apiVersion: "example.com/v1", kind: "Stone", metadata: { name: "a" }, spec: { x: 1, y: 1 } };
  const created = await server.ok("POST", kindPath("stones"), { body });
  const changed = await server.object<Status>("PUT", `${kindPath("stones")}/a`, {
    body: { ...created, spec: { x: 2, y: 0 } },
  });
  assert.deepEqual(causesOf(changed), [
    "spec: Invalid value: x is immutable",
    "spec: Invalid value: y only grows",
  ]);
  await server.ok("PUT", `${kindPath("stones")}/a`, { body: { ...created, spec: { x: 1, y: 2 } } });
});

test("rules and values that came to be wrong do not refuse what is unchanged", async () => {
  const properties = { x: { type: "integer" }, y: { type: "string" } };
  const crd = await defineKind(server, { plural: "olds", kind: "Old", schema: withRules([], properties) });
  const body = {
    apiVersion: "example.com/v1",
    kind: "Old",
    metadata: { name: "a" },
    spec: { x: 5, y: "long" },
  };
  await server.ok("POST", kindPath("olds"), { body });
  const stricter = definitionBody({
    plural: "olds",
    kind: "Old",
    schema: {
      type: "object",
      properties: {
        spec: {
          type: "object",
          properties: {
            x: { type: "integer", "x-kubernetes-validations": [{ rule: "self < 3" }] },
            y: { type: "string", maxLength: 2 },
          },
        },
      },
    },
  });
  const current = await server.ok("GET", `${definitions}/olds.example.com`);
  await server.ok("PUT", `${definitions}/olds.example.com`, { body: { ...current, spec: stricter.spec } });
  assert.notEqual(crd.metadata.resourceVersion, undefined);
  const patch = (spec: object) =>
    server.object<Status>("PATCH", `${kindPath("olds")}/a`, {
      headers: { "content-type": "application/merge-patch+json" },
      body: { spec, metadata: { labels: { a: "b" } } },
    });
  // The stricter schema is served once the definition's change was seen.
  while ((await patch({ x: 4 })).code !== 422) await server.clock.yield();
  assert.deepEqual(causesOf(await patch({ x: 4 })), ["spec.x: Invalid value: 4: failed rule: self < 3"]);
  assert.equal(causesOf(await patch({ y: "longer" }))?.[0], "spec.y: Too long: may not be more than 2 bytes");
  assert.equal((await patch({})).code, undefined);
});

for (const { name, schema, field, message } of [
  {
    name: "refers to a property that does not exist",
    schema: withRules([{ rule: "self.z == 1" }]),
    field: "rule",
    message: /compilation failed: ERROR: <input>:1:5: undefined field 'z'\n \| self.z == 1/,
  },
  {
    name: "contains a syntax error",
    schema: withRules([{ rule: "self = 42" }]),
    field: "rule",
    message: /compilation failed: ERROR: <input>:1:\d+: Syntax error/,
  },
  {
    name: "exceeds the estimated cost limit",
    schema: withRules([{ rule: "self.x.all(s, s.all(t, t.contains('x')))" }], {
      x: { type: "array", items: { type: "array", items: { type: "string" } } },
    }),
    field: "rule",
    message: /Forbidden: estimated rule cost exceeds budget by factor of more than 100x/,
  },
  {
    name: "does not give a bool",
    schema: withRules([{ rule: "self.x" }]),
    field: "rule",
    message: /cel expression must evaluate to a bool/,
  },
  {
    name: "has a message that does not give a string",
    schema: withRules([{ rule: "true", messageExpression: "1" }]),
    field: "messageExpression",
    message: /messageExpression must evaluate to a string/,
  },
  {
    name: "points to a field that does not exist",
    schema: withRules([{ rule: "true", fieldPath: ".z" }]),
    field: "fieldPath",
    message: /^Invalid value: ".z": must be a valid path$/,
  },
  {
    name: "sets optionalOldSelf without using oldSelf",
    schema: withRules([{ rule: "true", optionalOldSelf: true }]),
    field: "optionalOldSelf",
    message: /may not be set if oldSelf is not used in rule/,
  },
]) {
  test(`CustomResourceValidationRules: a definition with a rule that ${name} is refused`, async () => {
    const status = await server.object<Status>("POST", definitions, {
      body: definitionBody({ plural: "wrongs", kind: "Wrong", schema }),
    });
    assert.equal(status.code, 422);
    const [cause] = status.details?.causes ?? [];
    assert.equal(
      cause?.field,
      `spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].${field}`,
    );
    assert.match(cause?.message ?? "", message);
  });
}

test("a default that its own schema refuses is refused with the definition", async () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string", default: 5 }, b: { type: "object", default: { c: 1 } } },
  };
  const status = await server.object<Status>("POST", definitions, {
    body: definitionBody({ plural: "wrongs", kind: "Wrong", schema }),
  });
  assert.deepEqual(
    status.details?.causes?.map(({ field }) => field),
    [
      "spec.validation.openAPIV3Schema.properties[a].default",
      "spec.validation.openAPIV3Schema.properties[b].default",
    ],
  );
});
