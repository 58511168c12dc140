import assert from "node:assert/strict";
import { test } from "node:test";
import { services } from "../api/resources.generated.ts";
import type { KubeObject, ObjectMeta } from "../apimachinery/meta.ts";
import { objectKey } from "../apimachinery/meta.ts";
import { Expectations, expectationTimeoutMs, isAtLeast } from "./expectations.ts";
import { pod, pods } from "./test-support/objects.ts";

class Cache {
  lastSyncResourceVersion = "10";
  readonly #objects = new Map<string, KubeObject>();
  readonly lister = { get: (key: string) => this.#objects.get(key) };

  show(object: KubeObject): void {
    this.#objects.set(objectKey(object), object);
  }

  drop(object: KubeObject): void {
    this.#objects.delete(objectKey(object));
  }
}

const at = (resourceVersion: string) => pod("a", Number(resourceVersion));
const changed = (more: ObjectMeta): KubeObject => {
  const base = pod("a", 1);
  return { ...base, metadata: { ...base.metadata, ...more } };
};

function setUp() {
  const cache = new Cache();
  const expectations = new Expectations((type) => (type.resource === "pods" ? cache : undefined));
  return { cache, expectations };
}

test("a key waits until the cache shows what it wrote", () => {
  const { cache, expectations } = setUp();
  expectations.expect("web", { change: "written", type: pods, object: at("12") }, 0);
  assert.equal(expectations.isSatisfied("web", 0), false);
  assert.equal(expectations.isSatisfied("other", 0), true);
  assert.deepEqual([...expectations.waitingFor(pods, at("12"))], ["web"]);
  cache.show(at("11"));
  assert.equal(expectations.isSatisfied("web", 0), false, "an older version is not enough");
  cache.show(at("12"));
  assert.equal(expectations.isSatisfied("web", 0), true);
  assert.deepEqual([...expectations.waitingFor(pods, at("12"))], []);
  assert.equal(expectations.size, 0);
});

test("an object that came and went unseen is not waited for", () => {
  const { cache, expectations } = setUp();
  expectations.expect("web", { change: "written", type: pods, object: at("12") }, 0);
  cache.lastSyncResourceVersion = "13";
  assert.equal(expectations.isSatisfied("web", 0), true);
});

test("a deletion is seen when the object is gone, marked or replaced", () => {
  for (const [name, see] of Object.entries({
    gone: (cache: Cache) => cache.drop(at("5")),
    marked: (cache: Cache) => cache.show(changed({ deletionTimestamp: "2026-01-01T00:00:00Z" })),
    replaced: (cache: Cache) => cache.show(changed({ uid: "another" })),
  })) {
    const { cache, expectations } = setUp();
    cache.show(at("5"));
    expectations.expect("web", { change: "deleted", type: pods, object: at("5") }, 0);
    assert.equal(expectations.isSatisfied("web", 0), false, name);
    see(cache);
    assert.equal(expectations.isSatisfied("web", 0), true, name);
  }
});

test("a write to a resource that is not watched is not waited for", () => {
  const { expectations } = setUp();
  expectations.expect("web", { change: "written", type: services, object: at("99") }, 0);
  assert.equal(expectations.isSatisfied("web", 0), true);
});

test("waiting ends after five minutes, whatever the cache shows", () => {
  const { expectations } = setUp();
  expectations.expect("web", { change: "written", type: pods, object: at("12") }, 0);
  assert.equal(expectations.isSatisfied("web", expectationTimeoutMs - 1), false);
  assert.equal(expectations.isSatisfied("web", expectationTimeoutMs), true);
});

test("versions compare as numbers of any length", () => {
  assert.equal(isAtLeast("100", "99"), true);
  assert.equal(isAtLeast("99", "100"), false);
  assert.equal(isAtLeast("12345678901234567891", "12345678901234567890"), true);
  assert.equal(isAtLeast("7", "7"), true);
  assert.equal(isAtLeast("", "7"), false);
});
