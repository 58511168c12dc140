import assert from "node:assert/strict";
import test from "node:test";
import type { AnyObject } from "../apimachinery/meta.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { HandlerQueue, type Notification } from "./handler-queue.ts";
import { pod } from "./test-support/objects.ts";

type Change = Notification<AnyObject>;
const added = (object: AnyObject): Change => ({ type: "added", object, isInInitialList: false });
const updated = (old: AnyObject, object: AnyObject): Change => ({ type: "updated", old, object });
const deleted = (object: AnyObject): Change => ({ type: "deleted", object, finalStateUnknown: false });
const label = ({ metadata }: AnyObject) => `${metadata.name}${metadata.resourceVersion}`;

/** A queue whose handler writes down what it is told, after `onTold`. */
function setUp(options: { limit?: number; onTold?: () => unknown } = {}) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const errors: unknown[] = [];
  const tell = (text: string) => {
    told.push(text);
    return options.onTold?.() as undefined; // a promise too: what a handler may return in practice
  };
  const queue = new HandlerQueue<AnyObject>({
    handler: {
      added: (object) => tell(`+${label(object)}`),
      updated: (old, object) => tell(`${label(old)}>${label(object)}`),
      deleted: (object, { finalStateUnknown }) => tell(`-${label(object)}${finalStateUnknown ? "?" : ""}`),
    },
    clock,
    limit: options.limit ?? 100,
    onError: (error) => errors.push(error),
  });
  return { clock, queue, told, errors };
}

test("a handler is told of everything in order, after the change that is being made is complete", async () => {
  const { clock, queue, told } = setUp();
  queue.push(added(pod("a", 1)));
  queue.push(updated(pod("a", 1), pod("a", 2)));
  queue.push(deleted(pod("a", 2)));
  assert.deepEqual(told, []);
  await clock.settle();
  assert.deepEqual(told, ["+a1", "a1>a2", "-a2"]);
});

test("a handler that throws is told of the next change all the same", async () => {
  const { clock, queue, told, errors } = setUp({
    onTold() {
      throw new Error("broken");
    },
  });
  queue.push(added(pod("a", 1)));
  queue.push(added(pod("b", 2)));
  await clock.settle();
  assert.deepEqual(told, ["+a1", "+b2"]);
  assert.equal(errors.length, 2);
});

test("a handler that rejects is waited for and told of the next change", async () => {
  const { clock, queue, told, errors } = setUp({ onTold: () => Promise.reject(new Error("broken")) });
  queue.push(added(pod("a", 1)));
  queue.push(added(pod("b", 2)));
  await clock.settle();
  assert.deepEqual(told, ["+a1", "+b2"]);
  assert.equal(errors.length, 2);
});

for (const { name, changes, want } of [
  {
    name: "an object that was added and changed is added as it is now",
    changes: [added(pod("a", 1)), updated(pod("a", 1), pod("a", 2)), added(pod("b", 3))],
    want: ["+a2", "+b3"],
  },
  {
    name: "changes become one, from what was seen to what is",
    changes: [updated(pod("a", 1), pod("a", 2)), updated(pod("a", 2), pod("a", 3)), added(pod("b", 4))],
    want: ["a1>a3", "+b4"],
  },
  {
    name: "an object that came and went was never there",
    changes: [added(pod("a", 1)), added(pod("b", 2)), deleted(pod("a", 1))],
    want: ["+b2"],
  },
  {
    name: "an object that changed and went is deleted in its last state",
    changes: [updated(pod("a", 1), pod("a", 2)), added(pod("b", 3)), deleted(pod("a", 2))],
    want: ["-a2", "+b3"],
  },
  {
    name: "an object that was replaced is deleted and added",
    changes: [deleted(pod("a", 1)), added(pod("a", 2, { uid: "other" })), added(pod("b", 3))],
    want: ["-a1", "+a2", "+b3"],
  },
  {
    name: "of an object that was replaced and deleted only the first one is deleted",
    changes: [
      deleted(pod("a", 1)),
      added(pod("a", 2, { uid: "other" })),
      deleted(pod("a", 2, { uid: "other" })),
    ],
    want: ["-a1"],
  },
]) {
  test(`a handler that fell behind gets differences: ${name}`, async () => {
    const { clock, queue, told } = setUp({ limit: 1 });
    for (const change of changes) queue.push(change);
    assert.equal(queue.overflows, 1);
    await clock.settle();
    assert.deepEqual(told, want);
  });
}

test("a slow handler's queue never grows beyond the number of objects", async () => {
  const { clock, queue, told } = setUp({ limit: 10, onTold: () => new Promise(() => {}) });
  for (let version = 0; version < 10_000; version++)
    queue.push(updated(pod(`p${version % 20}`, version), pod(`p${version % 20}`, version + 20)));
  await clock.settle();
  assert.ok(queue.length <= 20, `${queue.length}`);
  assert.equal(told.length, 1);
});

test("a first list is told object by object however long it is, and what comes after it within the limit", async () => {
  const { clock, queue, told } = setUp({ limit: 2 });
  const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
  for (const name of names) queue.push({ type: "added", object: pod(name, 1), isInInitialList: true });
  for (const version of [2, 3]) queue.push(updated(pod("p0", version - 1), pod("p0", version)));
  assert.deepEqual([queue.overflows, queue.length], [0, 102]);
  queue.push(updated(pod("p0", 3), pod("p0", 4)));
  assert.deepEqual([queue.overflows, queue.length], [1, 100]);
  await clock.settle();
  assert.deepEqual(told, ["+p04", ...names.slice(1).map((name) => `+${name}1`)]);
});

test("a mark is reached when everything before it was delivered", async () => {
  let release = () => {};
  const { clock, queue } = setUp({
    onTold: () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  });
  let reached = false;
  queue.push(added(pod("a", 1)));
  queue.mark(() => {
    reached = true;
  });
  await clock.settle();
  assert.equal(reached, false);
  release();
  await clock.settle();
  assert.equal(reached, true);
});

test("a closed queue tells nothing more", async () => {
  const { clock, queue, told } = setUp();
  queue.push(added(pod("a", 1)));
  queue.close();
  queue.push(added(pod("b", 1)));
  await clock.settle();
  assert.deepEqual(told, []);
});
