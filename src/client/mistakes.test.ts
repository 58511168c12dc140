import assert from "node:assert/strict";
import { test } from "node:test";
import { pods } from "../api/resources.generated.ts";
import type { ApiRequest } from "./exchange.ts";
import { createClient } from "./rest-client.ts";

/** What a compiler tells those who have one is told at run time, too: before anything is sent, by a promise that rejects. */

const named = { namespace: "n", name: "a" };
const object = { apiVersion: "v1", kind: "Pod", metadata: named, spec: { containers: [] } };
const requests: ApiRequest[] = [];
const client = createClient({
  transport: {
    async send(request) {
      requests.push(request);
      return { type: "object", status: 200, headers: {}, object };
    },
    async close() {},
  },
});
// As who writes JavaScript sees them.
type Untyped = { readonly [call in keyof typeof client]: (...given: unknown[]) => Promise<unknown> };
const untyped = client as unknown as Untyped;

for (const { name, call, want } of [
  {
    name: "a list's selector that is misspelt",
    call: () => untyped.list(pods, { labelSelctor: "app=web" }),
    want: /^TypeError: list: there is no option "labelSelctor"; there are namespace, labelSelector, /,
  },
  {
    name: "a selector of a deletion that is misspelt",
    call: () => untyped.deleteCollection(pods, { namespace: "n", selector: "app=web" }),
    want: /^TypeError: deleteCollection: there is no option "selector"; there are namespace, labelSelector, /,
  },
  {
    name: "an option of a watch that is misspelt",
    call: () => untyped.watch(pods, { bookmarks: true }),
    want: /^TypeError: watch: there is no option "bookmarks"; .*allowWatchBookmarks/,
  },
  {
    name: "a dry run that is misspelt",
    call: () => untyped.create(pods, object, { dryrun: true }),
    want: /^TypeError: create: there is no option "dryrun"; there are dryRun, /,
  },
  {
    name: "an update's subresource that is misspelt",
    call: () => untyped.update(pods, object, { subResource: "status" }),
    want: /^TypeError: update: there is no option "subResource"; .*, subresource/,
  },
  {
    name: "a policy of a deletion under another name",
    call: () => untyped.delete(pods, named, { propagation: "Orphan" }),
    want: /^TypeError: delete: there is no option "propagation"; .*propagationPolicy/,
  },
  {
    name: "a kind that there is not",
    call: () => untyped.get(undefined, named),
    want: /^TypeError: a resource is expected, such as resources\.pods, .*; not undefined$/,
  },
  {
    name: "a kind by its name",
    call: () => untyped.list("pods"),
    want: /^TypeError: a resource is expected, .*; not pods$/,
  },
  {
    name: "a patch without a type",
    call: () => untyped.patch(pods, named, { metadata: {} }),
    want: /^TypeError: a patch is \{ type: "json", operations \}, /,
  },
  {
    name: "a JSON patch whose operations are named as a merge patch's change",
    call: () => untyped.patch(pods, named, { type: "json", patch: [] }),
    want: /^TypeError: a patch is \{ type: "json", operations \}, /,
  },
  {
    name: "an object without a namespace",
    call: () => untyped.get(pods, { name: "a" }),
    want: /an empty namespace may not be set when a resource name is provided/,
  },
  {
    name: "a new object without a namespace",
    call: () => untyped.create(pods, { ...object, metadata: { name: "a" } }),
    want: /an empty namespace may not be set during creation/,
  },
] satisfies { name: string; call: () => Promise<unknown>; want: RegExp }[]) {
  test(`The client rejects, and sends nothing: ${name}`, async () => {
    requests.length = 0;
    const error = await call().then(
      () => "it resolved",
      (reason: unknown) => String(reason),
    );
    assert.match(error, want);
    assert.deepEqual(requests, []);
  });
}
