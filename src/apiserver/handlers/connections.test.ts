import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import { openStages, startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer({
    stages: {
      ...openStages,
      authorizer: {
        authorize: ({ verb, user }) => ({ allowed: user.name === verb || user.name === "both", reason: "" }),
      },
    },
  });
  await server.ok("POST", "/api/v1/namespaces/default/pods", {
    body: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { nodeName: "n", containers: [{ name: "c", image: "i" }] },
    },
  });
});
after(() => server.close());

const path = "/api/v1/namespaces/default/pods/p";
const mayNot = 'pods "p" is forbidden: ';
const noNode = 'nodes "n" not found';

for (const { method, subresource, user, want } of [
  { method: "GET", subresource: "exec", user: "get", want: mayNot },
  { method: "GET", subresource: "attach", user: "get", want: mayNot },
  { method: "GET", subresource: "portforward", user: "get", want: mayNot },
  { method: "GET", subresource: "exec", user: "both", want: noNode },
  { method: "POST", subresource: "exec", user: "create", want: noNode },
  // What is proxied is known by its method.
  { method: "GET", subresource: "proxy", user: "get", want: "address not allowed" },
] as const)
  test(`whoever may ${user} and sends ${method} to ${subresource} is told: ${want}`, async () => {
    const { message } = await server.object<Status>(method, `${path}/${subresource}`, {
      query: { command: "id", stdout: "true" },
      user: { name: user, groups: [] },
    });
    assert.equal(message, want);
  });
