import assert from "node:assert/strict";
import { test } from "node:test";
import { pods } from "../api/resources.generated.ts";
import { silentLogger } from "../base/log.ts";
import { systemClock } from "../base/system-clock.ts";
import { systemRandom } from "../base/system-random.ts";
import { retryOnConflict } from "./create-or-update.ts";
import type { ApiRequest } from "./exchange.ts";
import { createInformerFactory } from "./informer-factory.ts";
import { cacheReader } from "./manager/cache-reader.ts";
import { controller } from "./manager/controller.ts";
import { createManager, type Runnable } from "./manager/manager.ts";
import { source } from "./manager/source.ts";
import { podLogs } from "./pod-operations.ts";
import { runInPod } from "./pod-streams.ts";
import { createClient } from "./rest-client.ts";
import type { StreamConnection } from "./transport/stream-address.ts";
import { waitFor } from "./wait-for.ts";

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

/** As who compiles nothing gives them. */
const misspelt = (options: object): object => options;
const silent = { clock: systemClock, random: systemRandom, logger: silentLogger };
const informers = createInformerFactory({ client, ...silent });
const lease = { ...{ nmae: "lease" }, namespace: "n" };
const reconcile = async () => {};
const unmanaged = [
  {
    name: "an option of a controller that is misspelt",
    make: () => controller({ name: "c", for: pods, reconcile, ...{ own: [pods] } }),
    want: /controller c: there is no option "own"; there are name, for, owns, /,
  },
  {
    name: "a controller that owns what is no resource",
    make: () => controller({ name: "c", for: pods, owns: [undefined as unknown as typeof pods], reconcile }),
    want: /a resource is expected, such as resources\.pods, .*; not undefined/,
  },
  {
    name: "a predicate under the name that others give it",
    make: () => source(pods, misspelt({ predicate: () => true })),
    want: /source of pods: there is no option "predicate"; there are when, /,
  },
  {
    name: "a manager's option that is misspelt",
    make: () => createManager({ client, ...{ leaderelection: lease } }),
    want: /createManager: there is no option "leaderelection"; .*leaderElection/,
  },
  {
    name: "a manager's lease without a name",
    make: () => createManager({ client, leaderElection: { namespace: "n", name: "" } }),
    want: /leaderElection needs the namespace and the name of a lease/,
  },
  {
    name: "a manager's part that cannot be run",
    make: () => createManager({ client }).add({ name: "p" } as Runnable),
    want: /the manager cannot run p: a part is a controller, or \{ name, run/,
  },
  {
    name: "an informer's selector that is misspelt",
    make: () => informers.informer(pods, misspelt({ labelselector: "a=b" })),
    want: /informer of pods: there is no option "labelselector"; .*labelSelector/,
  },
  {
    name: "a handler of events under the names of another library",
    make: () => informers.informer(pods).addHandler(misspelt({ onAdd() {} })),
    want: /a handler has added, updated or deleted; this one has onAdd/,
  },
] satisfies { name: string; make: () => unknown; want: RegExp }[];
for (const { name, make, want } of unmanaged)
  test(`What is declared is refused where it is written: ${name}`, () =>
    assert.throws(make, { name: "TypeError", message: want }));

test("A cache's list refuses a selector, which it does not look at", () => {
  const cache = cacheReader([informers.informer(pods)]);
  assert.deepEqual(cache.list(pods, { namespace: "n" }), []);
  const want = /cache\.list: there is no option "labelSelector"; there are namespace, controlledBy/;
  assert.throws(() => cache.list(pods, misspelt({ labelSelector: "a=b" })), want);
  assert.throws(
    () => cache.list(pods, "n" as unknown as object),
    /cache\.list: an object of options is expected, not n/,
  );
});

test("Helpers refuse what cannot be meant before they ask anybody", async () => {
  const connection = { transport: { server: "http://nowhere.test" } };
  await assert.rejects(
    waitFor(client, pods, named, () => true, misspelt({ timeout: 5 })),
    /waitFor: .* there are timeoutMs/,
  );
  await assert.rejects(
    retryOnConflict(reconcile, misspelt({ retries: 5 })),
    /retryOnConflict: .* there are tries/,
  );
  await assert.rejects(
    podLogs(client, named, misspelt({ tail: 5 })).next(),
    /podLogs: .*"tail"; .*tailLines/,
  );
  const line = { command: "ls -l" as unknown as string[] };
  await assert.rejects(runInPod(connection, named, line), /command is a list of words/);
  const noConnection = client as unknown as StreamConnection;
  await assert.rejects(
    runInPod(noConnection, named, { command: ["ls"] }),
    /a connection is expected: what connect\(\)/,
  );
});
