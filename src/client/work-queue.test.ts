import assert from "node:assert/strict";
import test from "node:test";
import type { Clock } from "../base/clock.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { createWorkQueue, type WorkQueueMetrics } from "./work-queue.ts";

function setUp(options: { metrics?: WorkQueueMetrics } = {}) {
  const clock = new VirtualClock();
  return { clock, queue: createWorkQueue({ name: "test", clock, random: seededRandom(1), ...options }) };
}

test("a work queue hands out a key once however often it was added", async () => {
  const { queue } = setUp();
  queue.add("a");
  queue.add("b");
  queue.add("a");
  assert.equal(queue.length, 2);
  assert.equal(await queue.get(), "a");
  assert.equal(await queue.get(), "b");
  assert.equal(queue.length, 0);
});

test("a work queue gives a key to one worker at a time and back once it is done", async () => {
  const { clock, queue } = setUp();
  queue.add("a");
  assert.equal(await queue.get(), "a");
  queue.add("a");
  assert.equal(queue.length, 0);
  let second: string | undefined;
  void queue.get().then((key) => {
    second = key;
  });
  await clock.settle();
  assert.equal(second, undefined);
  queue.done("a");
  await clock.settle();
  assert.equal(second, "a");
});

test("a work queue delays a key, and the earlier of two times counts", async () => {
  const { clock, queue } = setUp();
  queue.addAfter("a", 1000);
  queue.addAfter("a", 200);
  queue.addAfter("a", 5000);
  await clock.advance(199);
  assert.equal(queue.length, 0);
  await clock.advance(1);
  assert.equal(await queue.get(), "a");
  queue.done("a");
  await clock.advance(10_000);
  assert.equal(queue.length, 0);
  assert.equal(clock.pendingTimers, 0);
});

for (const [name, jumpMs] of [
  ["back", -3_600_000],
  ["forward", 3_600_000],
] as const) {
  test(`a work queue hands out delayed keys at their time when the machine's clock is set ${name}`, async () => {
    const clock = new VirtualClock();
    let offsetMs = 0;
    const jumping: Clock = {
      now: () => clock.now() + offsetMs,
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
      yield: () => clock.yield(),
      hold: (work) => clock.hold(work),
    };
    const queue = createWorkQueue({ name: "test", clock: jumping, random: seededRandom(1) });
    for (const seconds of [10, 20]) queue.addAfter(`before ${seconds}`, seconds * 1000);
    await clock.advance(1000);
    offsetMs = jumpMs;
    queue.addAfter("after 15", 14_000);
    const lengths: number[] = [];
    for (let tick = 0; tick < 4; tick++) {
      await clock.advance(5000);
      lengths.push(queue.length);
    }
    assert.deepEqual(lengths, [0, 1, 2, 3]);
  });
}

test("a work queue keeps one timer for many delayed keys", async () => {
  const { clock, queue } = setUp();
  for (let index = 0; index < 1000; index++) queue.addAfter(`k${index}`, 1000 - index);
  assert.equal(clock.pendingTimers, 1);
  await clock.advance(1000);
  assert.equal(queue.length, 1000);
  assert.equal(await queue.get(), "k999");
});

test("a work queue backs off per key from 5 ms to 1000 s until the key is forgotten", async () => {
  const { clock, queue } = setUp();
  const delays: number[] = [];
  for (let round = 0; round < 20; round++) {
    const startMs = clock.now();
    queue.addRateLimited("a");
    await clock.advanceUntil(() => queue.length === 1);
    delays.push(clock.now() - startMs);
    await queue.get();
    queue.done("a");
  }
  assert.deepEqual(delays.slice(0, 4), [5, 10, 20, 40]);
  assert.equal(delays.at(-1), 1_000_000);
  assert.equal(queue.requeues("a"), 20);
  queue.forget("a");
  assert.equal(queue.requeues("a"), 0);
  queue.addRateLimited("a");
  await clock.advance(5);
  assert.equal(queue.length, 1);
});

test("a work queue limits retries of all keys together to a burst of 100 and 10 a second", async () => {
  const { clock, queue } = setUp();
  for (let index = 0; index < 200; index++) queue.addRateLimited(`k${index}`);
  await clock.advance(50);
  assert.equal(queue.length, 100);
  await clock.advance(950);
  assert.equal(queue.length, 110);
  await clock.advance(9000);
  assert.equal(queue.length, 200);
});

test("a work queue hands out higher priorities first and moves a key up", async () => {
  const { queue } = setUp();
  queue.add("low", { priority: -100 });
  queue.add("a");
  queue.add("b");
  queue.add("b", { priority: 10 });
  queue.add("b", { priority: 1 });
  assert.equal(queue.length, 3);
  assert.deepEqual([await queue.get(), await queue.get(), await queue.get()], ["b", "a", "low"]);
});

test("a work queue that is shut down hands out what waits, then undefined, and drains", async () => {
  const { clock, queue } = setUp();
  queue.add("a");
  queue.addAfter("late", 10);
  const blocked = setUp().queue;
  const waiting = blocked.get();
  blocked.shutDown();
  assert.equal(await waiting, undefined);

  queue.shutDown();
  queue.add("b");
  let drained = false;
  void queue.drained().then(() => {
    drained = true;
  });
  assert.equal(await queue.get(), "a");
  assert.equal(await queue.get(), undefined);
  await clock.settle();
  assert.equal(drained, false);
  queue.done("a");
  await clock.settle();
  assert.equal(drained, true);
  assert.equal(clock.pendingTimers, 0);
});

test("a work queue reports depth, waiting and working times", async () => {
  const seen: string[] = [];
  const { clock, queue } = setUp({
    metrics: {
      added: () => seen.push("added"),
      depth: (depth) => seen.push(`depth ${depth}`),
      waited: (ms) => seen.push(`waited ${ms}`),
      worked: (ms) => seen.push(`worked ${ms}`),
      retried: () => seen.push("retried"),
    },
  });
  queue.add("a");
  await clock.advance(30);
  await queue.get();
  await clock.advance(70);
  queue.addRateLimited("a");
  queue.done("a");
  queue.addAfter("a", 1000);
  assert.deepEqual(seen, ["added", "depth 1", "waited 30", "depth 0", "retried", "worked 70", "retried"]);
});
