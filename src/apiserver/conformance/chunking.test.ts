import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { KubeList } from "../../apimachinery/meta.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

const total = 400;
const nameOf = (index: number) => `template-${`${index}`.padStart(4, "0")}`;

function suite({ api, cluster, named }: Suite): void {
  const made = async (name: string) => {
    const path = `${await api().namespace(named(name))}/podtemplates`;
    await Promise.all(
      Array.from({ length: total }, (_, index) =>
        api().create(path, {
          apiVersion: "v1",
          kind: "PodTemplate",
          metadata: { name: nameOf(index) },
          template: { spec: { containers: [{ name: "test", image: "test2" }] } },
        }),
      ),
    );
    return path;
  };
  /** Reads on from `found` items to the end; each page must be of the version of the first. */
  const readOn = async (
    path: string,
    limit: number,
    token: string | undefined,
    found: number,
    version?: string,
  ) => {
    let next = token;
    let expected = version;
    let count = found;
    do {
      const page: KubeList = await api().get(path, {
        limit: `${limit}`,
        ...(next === undefined ? {} : { continue: next }),
      });
      assert.ok(page.items.length <= limit);
      expected ??= page.metadata.resourceVersion ?? "";
      assert.equal(page.metadata.resourceVersion, expected);
      const { remainingItemCount } = page.metadata;
      // Protobuf writes an absent token as an empty one.
      next = page.metadata.continue === "" ? undefined : page.metadata.continue;
      if (next === undefined) assert.equal(remainingItemCount, undefined);
      else assert.equal(Number(remainingItemCount) + page.items.length + count, total);
      for (const { metadata } of page.items) assert.equal(metadata.name, nameOf(count++));
    } while (next !== undefined);
    assert.equal(count, total);
  };

  test("API Chunking, server should return chunks of results for list calls", async () => {
    const path = await made("chunking");
    for (let round = 0; round < 3; round++) await readOn(path, 17, undefined, 0);
    const whole = await api().get<KubeList>(path, { limit: `${total + 1}` });
    assert.equal(whole.items.length, total);
  });

  test("API Chunking, server should support continue listing from the last key even if the original version has been compacted away", async () => {
    const path = await made("compacted");
    const limit = total / 10;
    const first = await api().get<KubeList>(path, { limit: `${limit}` });
    assert.equal(Number(first.metadata.remainingItemCount) + first.items.length, total);
    // A write after the list, so that the version the rest is read at is another.
    await api().create(path.replace("podtemplates", "configmaps"), {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "later" },
    });
    const { storage } = cluster();
    await storage.compact(await storage.currentRevision());
    const page = { limit: `${limit}`, continue: first.metadata.continue ?? "" };
    const expired: Status = await api().refused("GET", path, { query: page });
    assert.deepEqual([expired.code, expired.reason], [410, "Expired"]);
    const token = expired.metadata?.continue ?? "";
    assert.notEqual(token, "");
    const second = await api().get<KubeList>(path, { limit: `${limit}`, continue: token });
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.items.length, limit);
    assert.equal(Number(second.metadata.remainingItemCount) + 2 * limit, total);
    for (const [index, { metadata }] of second.items.entries())
      assert.equal(metadata.name, nameOf(limit + index));
    await readOn(path, limit, second.metadata.continue, 2 * limit, second.metadata.resourceVersion);
  });
}

overBothTransports("API chunking", suite);
