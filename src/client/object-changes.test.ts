import assert from "node:assert/strict";
import test from "node:test";
import type { ConfigMap } from "../api/core/types.generated.ts";
import { configMaps, namespaces } from "../api/resources.generated.ts";
import { isApiError, staleObject } from "../apimachinery/api-error.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { inProcessTransport } from "../apiserver/in-process.ts";
import { admin, startTestServer } from "../apiserver/test-support/server.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { apply } from "./apply.ts";
import {
  type Condition,
  findCondition,
  isConditionTrue,
  removeCondition,
  setCondition,
} from "./conditions.ts";
import { createOrUpdate, retryOnConflict } from "./create-or-update.ts";
import { addFinalizer, hasFinalizer, removeFinalizer } from "./finalizers.ts";
import { AlreadyOwnedError, setControllerReference, setOwnerReference } from "./owner-references.ts";
import { createClient } from "./rest-client.ts";

const name = { namespace: "shop", name: "a" };
const finalizer = "example.com/f";

async function withServer() {
  const { server, clock, close } = await startTestServer();
  const client = createClient({ transport: inProcessTransport(server, admin), clock });
  await client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop" },
    spec: {},
  });
  return { client, close };
}

const configMap = (data: Record<string, string> = {}, finalizers?: readonly string[]): ConfigMap => ({
  ...{ apiVersion: "v1", kind: "ConfigMap", data },
  metadata: { ...name, ...(finalizers === undefined ? {} : { finalizers }) },
});

for (const [before, elsewhere, after] of [
  [undefined, undefined, [finalizer]],
  [undefined, ["x.io/other"], ["x.io/other", finalizer]],
  [["x.io/one"], undefined, ["x.io/one", finalizer]],
  [["x.io/one"], ["x.io/one", "x.io/two"], ["x.io/one", "x.io/two", finalizer]],
  [["x.io/one"], [], [finalizer]],
  [[finalizer], undefined, [finalizer]],
] as const) {
  test(`A finalizer is added to ${before} although another made it ${elsewhere} meanwhile`, async () => {
    const { client, close } = await withServer();
    const stale = await client.create(configMaps, configMap({}, before));
    if (elsewhere !== undefined) await client.update(configMaps, configMap({ changed: "1" }, elsewhere));
    const object = await addFinalizer(client, configMaps, stale, finalizer);
    assert.deepEqual(object.metadata.finalizers, after);
    assert.ok(hasFinalizer(object, finalizer));
    assert.equal(object.data?.changed, elsewhere === undefined ? undefined : "1");
    const { metadata } = await client.get(configMaps, name);
    if (before?.[0] === finalizer) assert.equal(metadata.resourceVersion, stale.metadata.resourceVersion);
    await close();
  });
}

test("The last finalizer of a deleted object takes it away, once, and others are kept", async () => {
  const { client, close } = await withServer();
  const created = await client.create(configMaps, configMap({}, ["x.io/one", finalizer]));
  await client.delete(configMaps, name);
  const [left] = (await removeFinalizer(client, configMaps, created, finalizer))?.metadata.finalizers ?? [];
  assert.equal(left, "x.io/one");
  await removeFinalizer(client, configMaps, await client.get(configMaps, name), "x.io/one");
  await assert.rejects(client.get(configMaps, name), (error) => isApiError(error, "NotFound"));
  assert.equal(await removeFinalizer(client, configMaps, created, finalizer), undefined);
  await close();
});

test("A finalizer is not put on another object that took the name", async () => {
  const { client, close } = await withServer();
  const old = await client.create(configMaps, configMap());
  await client.delete(configMaps, name);
  await client.create(configMaps, configMap());
  await assert.rejects(addFinalizer(client, configMaps, old, finalizer));
  assert.equal((await client.get(configMaps, name)).metadata.finalizers, undefined);
  await close();
});

test("An apply creates, changes what it names, takes back what it no longer says, and asks before it takes over", async () => {
  const { client, close } = await withServer();
  const owner = { fieldManager: "me" };
  await apply(client, configMaps, { metadata: name, data: { a: "1", b: "1" } }, owner);
  const other = { fieldManager: "other" };
  await apply(client, configMaps, { metadata: name, data: { c: "1" } }, other);
  const object = await apply(client, configMaps, { metadata: name, data: { a: "2" } }, owner);
  assert.deepEqual(object.data, { a: "2", c: "1" });
  const again = await apply(client, configMaps, { metadata: name, data: { a: "2" } }, owner);
  assert.equal(again.metadata.resourceVersion, object.metadata.resourceVersion);
  const taking = { metadata: name, data: { c: "1", a: "3" } };
  await assert.rejects(apply(client, configMaps, taking, other), (error) => isApiError(error, "Conflict"));
  assert.equal((await apply(client, configMaps, taking, { ...other, force: true })).data?.a, "3");
  await close();
});

test("createOrUpdate creates, updates, and leaves alone what is as wished", async () => {
  const { client, close } = await withServer();
  const set = (data: Record<string, string>) =>
    createOrUpdate(client, configMaps, name, (current) => ({ ...(current ?? configMap()), data }));
  assert.equal((await set({ a: "1" })).outcome, "created");
  const updated = await set({ a: "2" });
  assert.equal(updated.outcome, "updated");
  const same = await set({ a: "2" });
  assert.equal(same.outcome, "unchanged");
  assert.equal(same.object.metadata.resourceVersion, updated.object.metadata.resourceVersion);
  await close();
});

test("A conflict is tried five times, 10 ms apart; anything else once", async () => {
  const clock = new VirtualClock();
  const conflict = staleObject({ group: "", resource: "configmaps" }, "a");
  const tried = async (error: Error) => {
    let calls = 0;
    const work = retryOnConflict(
      async () => {
        calls++;
        throw error;
      },
      { clock, random: seededRandom(1) },
    ).catch((error: unknown) => error);
    await clock.advance(100);
    assert.equal(await work, error);
    return calls;
  };
  assert.equal(await tried(conflict), 5);
  assert.equal(await tried(new Error("other")), 1);
});

const object = (
  kind: string,
  objectName: string,
  namespace?: string,
  uid = `uid-${objectName}`,
): KubeObject => ({
  ...{ apiVersion: "apps/v1", kind },
  metadata: { name: objectName, uid, ...(namespace === undefined ? {} : { namespace }) },
});

test("A controller reference replaces an older one of the same owner and leaves other owners", () => {
  const owner = object("Deployment", "web", "shop");
  const once = setControllerReference(
    owner,
    setOwnerReference(object("Job", "j", "shop"), object("ReplicaSet", "r", "shop")),
  );
  assert.deepEqual(
    once.metadata.ownerReferences?.map(({ name, controller, blockOwnerDeletion }) => [
      name,
      controller,
      blockOwnerDeletion,
    ]),
    [
      ["j", undefined, undefined],
      ["web", true, true],
    ],
  );
  assert.deepEqual(setControllerReference(owner, once), once);
});

for (const [what, owner, owned, message] of [
  [
    "an object that another manages",
    object("Deployment", "mine", "shop"),
    setControllerReference(object("Deployment", "theirs", "shop"), object("Pod", "p", "shop")),
    "Object shop/p is already owned by another Deployment controller theirs",
  ],
  [
    "a cluster-scoped object for an owner in a namespace",
    object("Deployment", "mine", "shop"),
    object("Node", "n"),
    "cluster-scoped resource must not have a namespace-scoped owner, owner's namespace shop",
  ],
  [
    "an object in another namespace",
    object("Deployment", "mine", "shop"),
    object("Pod", "p", "other"),
    "cross-namespace owner references are disallowed, owner's namespace shop, obj's namespace other",
  ],
] as const) {
  test(`A controller reference is refused on ${what}`, () => {
    assert.throws(() => setControllerReference(owner, owned), { message });
    if (message.startsWith("Object"))
      assert.throws(() => setControllerReference(owner, owned), AlreadyOwnedError);
  });
}

const ready = { type: "Ready", status: "True", reason: "Fine", message: "" } as const;

test("A condition's time moves with its status alone, and a list that says it already is the same list", async () => {
  const clock = new VirtualClock({ startMs: Date.UTC(2026, 0, 1) });
  const first = setCondition(undefined, ready, clock);
  assert.equal(first[0]?.lastTransitionTime, "2026-01-01T00:00:00Z");
  await clock.advance(60_000);
  assert.equal(setCondition(first, ready, clock), first);
  const reworded = setCondition(first, { ...ready, message: "still", observedGeneration: 2 }, clock);
  assert.deepEqual(reworded, [
    { ...ready, message: "still", observedGeneration: 2, lastTransitionTime: "2026-01-01T00:00:00Z" },
  ]);
  const failed = setCondition(reworded, { ...ready, status: "False" }, clock);
  assert.equal(failed[0]?.lastTransitionTime, "2026-01-01T00:01:00Z");
  assert.deepEqual([isConditionTrue(first, "Ready"), isConditionTrue(failed, "Ready")], [true, false]);
  const both: readonly Condition[] = setCondition(failed, { ...ready, type: "Synced" }, clock);
  assert.deepEqual(
    both.map(({ type }) => type),
    ["Ready", "Synced"],
  );
  assert.equal(findCondition(removeCondition(both, "Ready"), "Ready"), undefined);
});
