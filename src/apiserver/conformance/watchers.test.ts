import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { randomBelow, seededRandom } from "../../base/random.ts";
import { seen } from "../test-support/operations.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

const maps = "/api/v1/namespaces/watched/configmaps";
const merge = { "content-type": "application/merge-patch+json" };
const map = (name: string, label = "A") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels: { watch: label } },
});
const mutate = (name: string, mutation: number): Promise<AnyObject> =>
  server.ok("PATCH", `${maps}/${name}`, { body: { data: { mutation: `${mutation}` } }, headers: merge });
const mutationOf = (object: AnyObject | undefined) =>
  (object?.data as { mutation?: string } | undefined)?.mutation;

test("watch-configmaps-with-multiple-watchers: each watcher is told of what its selector holds, and of nothing else", async () => {
  const a = await server.watch(maps, { labelSelector: "watch=A" });
  const b = await server.watch(maps, { labelSelector: "watch=B" });
  const both = await server.watch(maps, { labelSelector: "watch in (A,B)" });
  await server.ok("POST", maps, { body: map("multiple-a", "A") });
  await mutate("multiple-a", 1);
  await server.ok("DELETE", `${maps}/multiple-a`);
  await server.ok("POST", maps, { body: map("multiple-b", "B") });
  await server.ok("DELETE", `${maps}/multiple-b`);
  for (const watch of [a, both])
    for (const type of ["ADDED", "MODIFIED", "DELETED"] as const)
      await seen(watch, type, ({ metadata }) => metadata.name === "multiple-a");
  // Nothing of A came before: the first event of this watcher is B's.
  const first = await b.next();
  assert.deepEqual([first?.type, first?.object.metadata.name], ["ADDED", "multiple-b"]);
  assert.equal((await b.next())?.type, "DELETED");
  for (const watch of [a, b, both]) watch.close();
});

test("watch-configmaps-from-resource-version: a watch begins after the version it names", async () => {
  await server.ok("POST", maps, { body: map("from-version") });
  const first = await mutate("from-version", 1);
  await mutate("from-version", 2);
  await server.ok("DELETE", `${maps}/from-version`);
  const watch = await server.watch(maps, {
    fieldSelector: "metadata.name=from-version",
    resourceVersion: first.metadata.resourceVersion ?? "",
  });
  const modified = await watch.next();
  assert.equal(modified?.type, "MODIFIED");
  assert.equal(mutationOf(modified?.object as AnyObject), "2");
  const deleted = await watch.next();
  assert.equal(deleted?.type, "DELETED");
  assert.equal(mutationOf(deleted?.object as AnyObject), "2");
  watch.close();
});

test("watch-configmaps-closed-and-restarted: a new watch goes on where the last one ended", async () => {
  const selected = { fieldSelector: "metadata.name=restarted" };
  const watch = await server.watch(maps, selected);
  await server.ok("POST", maps, { body: map("restarted") });
  await mutate("restarted", 1);
  await seen(watch, "ADDED", () => true);
  const last = await seen(watch, "MODIFIED", () => true);
  watch.close();
  await mutate("restarted", 2);
  await server.ok("DELETE", `${maps}/restarted`);
  const again = await server.watch(maps, {
    ...selected,
    resourceVersion: last.metadata.resourceVersion ?? "",
  });
  const modified = await again.next();
  assert.deepEqual([modified?.type, mutationOf(modified?.object as AnyObject)], ["MODIFIED", "2"]);
  assert.equal((await again.next())?.type, "DELETED");
  again.close();
});

test("watch-configmaps-label-changed: leaving a selector is a deletion, coming back an addition", async () => {
  const watch = await server.watch(maps, { labelSelector: "watch=changing" });
  await server.ok("POST", maps, { body: map("label-changed", "changing") });
  await mutate("label-changed", 1);
  const relabel = (label: string) =>
    server.ok("PATCH", `${maps}/label-changed`, {
      body: { metadata: { labels: { watch: label } } },
      headers: merge,
    });
  await relabel("elsewhere");
  await mutate("label-changed", 2);
  await relabel("changing");
  await mutate("label-changed", 3);
  await server.ok("DELETE", `${maps}/label-changed`);
  const types: string[] = [];
  const mutations: (string | undefined)[] = [];
  for (let count = 0; count < 6; count++) {
    const event = await watch.next();
    types.push(event?.type ?? "");
    mutations.push(mutationOf(event?.object as AnyObject));
  }
  assert.deepEqual(types, ["ADDED", "MODIFIED", "DELETED", "ADDED", "MODIFIED", "DELETED"]);
  assert.deepEqual(mutations, [undefined, "1", "1", "2", "3", "3"]);
  watch.close();
});

test("watch-consistency: watches begun at every version see the same order of what follows", async () => {
  const random = seededRandom(7);
  const path = "/api/v1/namespaces/consistent/configmaps";
  const all = await server.watch(path);
  const versions: string[] = [];
  const readers = [];
  const names = new Set<string>();
  for (let round = 0; round < 60; round++) {
    const name = `c${randomBelow(random, 10)}`;
    if (!names.has(name)) {
      await server.ok("POST", path, { body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name } } });
      names.add(name);
    } else if (randomBelow(random, 2) === 0) {
      await server.ok("PATCH", `${path}/${name}`, { body: { data: { round: `${round}` } }, headers: merge });
    } else {
      await server.ok("DELETE", `${path}/${name}`);
      names.delete(name);
    }
    const event = await all.next();
    const version = event?.object.metadata.resourceVersion ?? "";
    versions.push(`${event?.type} ${version}`);
    readers.push(await server.watch(path, { resourceVersion: version }));
  }
  for (const [index, reader] of readers.entries()) {
    for (const expected of versions.slice(index + 1)) {
      const event = await reader.next();
      assert.equal(`${event?.type} ${event?.object.metadata.resourceVersion}`, expected);
    }
    reader.close();
  }
  all.close();
});

test("API Chunking, server should return chunks of results for list calls", async () => {
  const path = "/api/v1/namespaces/chunked/podtemplates";
  const template = (name: string) => ({
    apiVersion: "v1",
    kind: "PodTemplate",
    metadata: { name },
    template: { spec: { containers: [{ name: "test", image: "test2" }] } },
  });
  const total = 40;
  await Promise.all(
    Array.from({ length: total }, (_, index) =>
      server.ok("POST", path, { body: template(`template-${`${index}`.padStart(4, "0")}`) }),
    ),
  );
  for (const limit of [1, 7, 17, 39, 40, 41]) {
    let token: string | undefined;
    let version = "";
    const found: string[] = [];
    do {
      const page: KubeList = await server.ok("GET", path, {
        query: { limit: `${limit}`, ...(token === undefined ? {} : { continue: token }) },
      });
      if (version === "") version = page.metadata.resourceVersion ?? "";
      assert.equal(page.metadata.resourceVersion, version);
      found.push(...page.items.map(({ metadata }) => metadata.name ?? ""));
      token = page.metadata.continue;
      if (token !== undefined) assert.equal((page.metadata.remainingItemCount ?? 0) + found.length, total);
    } while (token !== undefined);
    assert.equal(found.length, total);
    assert.deepEqual(found, found.toSorted());
  }
  const whole = await server.ok<KubeList>("GET", path);
  assert.equal(whole.items.length, total);
});
