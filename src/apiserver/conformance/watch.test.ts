import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { randomBelow, seededRandom } from "../../base/random.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

const map = (name: string, label: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels: { "watch-this-configmap": label } },
});
const mutationOf = (object: AnyObject) => (object.data as { mutation?: string } | undefined)?.mutation;
const selecting = (label: string) => ({ labelSelector: `watch-this-configmap in (${label})` });

function suite({ api, named }: Suite): void {
  const maps = async (name: string) => `${await api().namespace(named(name))}/configmaps`;
  const mutate = (path: string, mutation: string) => api().merge(path, { data: { mutation } });

  test("watch-configmaps-with-multiple-watchers: each is told of its own, and of nothing else", async () => {
    const path = await maps("watch-multiple");
    const a = await api().watch(path, selecting("A"));
    const b = await api().watch(path, selecting("B"));
    const both = await api().watch(path, selecting("A,B"));
    for (const [name, label, own] of [
      ["a", "A", a],
      ["b", "B", b],
    ] as const) {
      await api().create(path, map(name, label));
      await mutate(`${path}/${name}`, "1");
      await api().delete(`${path}/${name}`);
      // Nothing of the other comes between.
      for (const watch of [own, both])
        for (const type of ["ADDED", "MODIFIED", "DELETED"]) {
          const event = await watch.next();
          assert.deepEqual([event.type, event.object.metadata.name], [type, name]);
        }
    }
    for (const watch of [a, b, both]) watch.close();
  });

  test("watch-configmaps-from-resource-version; watch-configmaps-closed-and-restarted: a watch goes on after the version it names", async () => {
    const path = await maps("watch-version");
    await api().create(path, map("one", "from"));
    const first = await mutate(`${path}/one`, "1");
    await mutate(`${path}/one`, "2");
    await api().delete(`${path}/one`);
    const query = { ...selecting("from"), resourceVersion: first.metadata.resourceVersion ?? "" };
    for (let round = 0; round < 2; round++) {
      const watch = await api().watch(path, query);
      const modified = await watch.next();
      assert.deepEqual([modified.type, mutationOf(modified.object)], ["MODIFIED", "2"]);
      assert.equal((await watch.next()).type, "DELETED");
      watch.close();
    }
  });

  test("watch-configmaps-label-changed: to leave a selector is to be deleted, to come back to be added", async () => {
    const path = await maps("watch-label");
    const watch = await api().watch(path, selecting("here"));
    await api().create(path, map("one", "here"));
    await mutate(`${path}/one`, "1");
    const relabel = (label: string) =>
      api().merge(`${path}/one`, { metadata: { labels: { "watch-this-configmap": label } } });
    await relabel("elsewhere");
    await mutate(`${path}/one`, "2");
    await relabel("here");
    await mutate(`${path}/one`, "3");
    await api().delete(`${path}/one`);
    const seen = [];
    for (let count = 0; count < 6; count++) {
      const { type, object } = await watch.next();
      seen.push([type, mutationOf(object)]);
    }
    assert.deepEqual(seen, [
      ["ADDED", undefined],
      ["MODIFIED", "1"],
      ["DELETED", "1"],
      ["ADDED", "2"],
      ["MODIFIED", "3"],
      ["DELETED", "3"],
    ]);
    watch.close();
  });

  test("watch-consistency: watches begun at every version see the same order of what follows", async () => {
    const random = seededRandom(7);
    const path = await maps("watch-consistency");
    const all = await api().watch(path);
    // The root authority's.
    await all.until("ADDED");
    const order: string[] = [];
    const readers = [];
    const names = new Set<string>();
    for (let round = 0; round < 60; round++) {
      const name = `c${randomBelow(random, 10)}`;
      if (!names.has(name)) {
        await api().create(path, map(name, "consistent"));
        names.add(name);
      } else if (randomBelow(random, 2) === 0) {
        await mutate(`${path}/${name}`, `${round}`);
      } else {
        await api().delete(`${path}/${name}`);
        names.delete(name);
      }
      const { type, object } = await all.next();
      const version = object.metadata.resourceVersion ?? "";
      order.push(`${type} ${version}`);
      readers.push(await api().watch(path, { resourceVersion: version }));
    }
    for (const [index, reader] of readers.entries()) {
      for (const expected of order.slice(index + 1)) {
        const { type, object } = await reader.next();
        assert.equal(`${type} ${object.metadata.resourceVersion}`, expected);
      }
      reader.close();
    }
    all.close();
  });

  test("A streaming list: what there is, the closing bookmark, then what comes", async () => {
    const path = await maps("watch-list");
    await api().create(path, map("one", "streamed"));
    const watch = await api().watch(path, {
      ...selecting("streamed"),
      sendInitialEvents: "true",
      allowWatchBookmarks: "true",
      resourceVersionMatch: "NotOlderThan",
    });
    assert.equal((await watch.next()).object.metadata.name, "one");
    const bookmark = await watch.next();
    assert.equal(bookmark.type, "BOOKMARK");
    assert.equal(bookmark.object.metadata.annotations?.["k8s.io/initial-events-end"], "true");
    await api().create(path, map("two", "streamed"));
    assert.equal((await watch.next()).object.metadata.name, "two");
    const { metadata } = await api().get<KubeList>(path);
    assert.ok(Number(metadata.resourceVersion) >= Number(bookmark.object.metadata.resourceVersion));
    watch.close();
  });
}

overBothTransports("Watching", suite);
