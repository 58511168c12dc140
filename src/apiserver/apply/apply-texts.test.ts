import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

/** The answer's code, its warnings and its message, to a text that is applied to a config map. */
async function answerTo(text: string, fieldValidation: string): Promise<readonly unknown[]> {
  const warnings: string[] = [];
  const response = await server.server.handle(
    {
      method: "PATCH",
      path: "/api/v1/namespaces/default/configmaps/x",
      query: new URLSearchParams({ fieldManager: "one", dryRun: "All", fieldValidation }),
      headers: { "content-type": "application/apply-patch+yaml" },
      body: { bytes: new TextEncoder().encode(text) },
      signal: new AbortController().signal,
    },
    { user: { name: "admin", groups: ["system:masters"] } },
  );
  warnings.push(...[response.headers.warning ?? []].flat());
  const { message = "" } = (response as { object: AnyObject & Status }).object; // an object or a Status
  return [response.status, ...warnings, ...(message === "" ? [] : [message])];
}

const map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n";
const notObject = (kind: string) =>
  `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;

for (const { text, want } of [
  { text: "", want: [400, "invalid object type: /, Kind="] },
  { text: "null", want: [400, "invalid object type: /, Kind="] },
  { text: "# nothing", want: [400, "invalid object type: /, Kind="] },
  { text: "foo", want: [400, notObject("string")] },
  { text: "1", want: [400, notObject("number")] },
  { text: "true", want: [400, notObject("bool")] },
  { text: "[]", want: [400, notObject("array")] },
  { text: "apiVersion: 1\nkind: ConfigMap\n", want: [400, "invalid object type: /, Kind=ConfigMap"] },
  { text: "apiVersion: v1\nkind: 1\n", want: [400, "invalid object type: /v1, Kind="] },
])
  test(`applying ${JSON.stringify(text)} is refused in upstream's words`, async () => {
    assert.deepEqual(await answerTo(text, "Warn"), want);
  });

const twice = `${map}data:\n  a: "1"\n  a: "2"\n`;
const strict = (line: number) =>
  `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line ${line}: key "a" already set in map`;

for (const { name, text, fieldValidation, want } of [
  { name: "is not told where nobody asks", text: twice, fieldValidation: "Ignore", want: [201] },
  {
    name: "is warned of by its line",
    text: twice,
    fieldValidation: "Warn",
    want: [201, '299 - "line 7: key \\"a\\" already set in map"'],
  },
  {
    name: "is refused where that is asked for",
    text: twice,
    fieldValidation: "Strict",
    want: [400, strict(7)],
  },
  {
    name: "of JSON is told as of YAML",
    text: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","a":"2"}}',
    fieldValidation: "Strict",
    want: [400, strict(1)],
  },
  {
    name: "is not told where the configuration does not fit",
    text: `${twice}foo: 1\n`,
    fieldValidation: "Strict",
    want: [
      500,
      "failed to create typed patch object (/x; /v1, Kind=ConfigMap): .foo: field not declared in schema",
    ],
  },
])
  test(`a key that is applied twice ${name}`, async () => {
    assert.deepEqual(await answerTo(text, fieldValidation), want);
  });
