import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { openStages, startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer({
    stages: {
      ...openStages,
      authorizer: {
        authorize: ({ user, verb }) => ({
          allowed: user.name !== "patcher" || verb !== "create",
          reason: "",
        }),
      },
    },
  });
  await server.ok("PATCH", `${maps}/there`, apply(map("there")));
});
after(() => server.close());

const maps = "/api/v1/namespaces/default/configmaps";
const map = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...more },
  data: { a: "1" },
});
const apply = (
  body: object,
  options: { query?: Record<string, string>; type?: string; user?: string } = {},
) => ({
  body,
  headers: { "content-type": options.type ?? "application/apply-patch+yaml" },
  query: { fieldManager: "one", ...options.query },
  ...(options.user === undefined ? {} : { user: { name: options.user, groups: [] } }),
});

for (const { name, path, options, code, message } of [
  {
    name: "CBOR, which is not taken",
    path: `${maps}/there`,
    options: apply(map("there"), { type: "application/apply-patch+cbor" }),
    code: 415,
    message: /^415: Unsupported Media Type$/,
  },
  {
    name: "a uid, where nothing stands",
    path: `${maps}/new`,
    options: apply(map("new", { uid: "u" })),
    code: 409,
    message: /uid mismatch: the provided object specified uid u, and no existing object was found/,
  },
  {
    name: "another name than the path's",
    path: `${maps}/new`,
    options: apply(map("other")),
    code: 400,
    message: /the name of the object \(other\) does not match the name on the URL \(new\)/,
  },
  {
    name: "no name, where nothing stands",
    path: `${maps}/new`,
    options: apply({ ...map("new"), metadata: {} }),
    code: 400,
    message: /name must be provided/,
  },
  {
    name: "another namespace",
    path: `${maps}/new`,
    options: apply(map("new", { namespace: "other" })),
    code: 400,
    message: /the namespace of the provided object does not match the namespace sent on the request/,
  },
  {
    name: "an outdated resourceVersion",
    path: `${maps}/there`,
    options: apply(map("there", { resourceVersion: "1", labels: { a: "b" } })),
    code: 409,
    message: /the object has been modified/,
  },
  {
    name: "the status of what is not there",
    path: "/apis/apps/v1/namespaces/default/deployments/none/status",
    options: apply({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "none" }, status: {} }),
    code: 404,
    message: /deployments.apps "none" not found/,
  },
  {
    name: "something new, by who may not create",
    path: `${maps}/new`,
    options: apply(map("new"), { user: "patcher" }),
    code: 403,
    message: /cannot create resource "configmaps"/,
  },
  {
    name: "a manager's name with control characters",
    path: `${maps}/there`,
    options: apply(map("there"), { query: { fieldManager: "a\nb" } }),
    code: 422,
    message: /invalid character U\+000A \(at position 1\)/,
  },
])
  test(`an apply is refused for ${name}`, async () => {
    const refused = await server.object<Status>("PATCH", path, options);
    assert.equal(refused.code, code);
    assert.match(refused.message ?? "", message);
  });

test("a dry run says what would be, conflicts too, and changes nothing", async () => {
  const query = { dryRun: "All" };
  const tried = await server.ok("PATCH", `${maps}/tried`, apply(map("tried"), { query }));
  assert.equal(tried.metadata.managedFields?.[0]?.manager, "one");
  assert.equal((await server.call("GET", `${maps}/tried`)).status, 404);
  const other = { ...map("there"), data: { a: "2" } };
  const conflict = await server.object<Status>(
    "PATCH",
    `${maps}/there`,
    apply(other, { query: { ...query, fieldManager: "two" } }),
  );
  assert.equal(conflict.code, 409);
  const forced = await server.ok<AnyObject>(
    "PATCH",
    `${maps}/there`,
    apply(other, { query: { ...query, fieldManager: "two", force: "true" } }),
  );
  assert.deepEqual(forced.data, { a: "2" });
  assert.deepEqual((await server.ok("GET", `${maps}/there`)).data, { a: "1" });
});

test("a name is not needed where the object stands", async () => {
  const applied = await server.ok("PATCH", `${maps}/there`, apply({ ...map("there"), metadata: {} }));
  assert.equal(applied.metadata.name, "there");
});
