import assert from "node:assert/strict";
import test from "node:test";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { createWorkQueue } from "./work-queue.ts";
import { runWorkers, TerminalError, type WorkersOptions } from "./workers.ts";

function start(options: Pick<WorkersOptions, "reconcile"> & Partial<WorkersOptions>) {
  const clock = new VirtualClock();
  const queue = createWorkQueue({ name: "test", clock, random: seededRandom(1) });
  const abort = new AbortController();
  const ended = runWorkers(
    { name: "test", queue, workers: 2, clock, logger: silentLogger, ...options },
    { signal: abort.signal },
  );
  return { clock, queue, abort, ended };
}

test("a controller retries a key that failed after its back-off and forgets the failures on success", async () => {
  let calls = 0;
  const { clock, queue, abort, ended } = start({
    async reconcile() {
      if (++calls < 4) throw new Error("not yet");
    },
  });
  queue.add("a");
  await clock.advance(4);
  assert.equal(calls, 1);
  assert.equal(queue.requeues("a"), 1);
  await clock.advance(31);
  assert.equal(calls, 4);
  assert.equal(queue.requeues("a"), 0);
  abort.abort();
  await ended;
});

test("a controller survives a reconcile that throws at once", async () => {
  const seen: string[] = [];
  const { clock, queue, abort, ended } = start({
    workers: 1,
    reconcile(key) {
      if (key === "bad") throw new TypeError("broken");
      seen.push(key);
      return Promise.resolve();
    },
  });
  queue.add("bad");
  queue.add("good");
  await clock.settle();
  assert.deepEqual(seen, ["good"]);
  abort.abort();
  await ended;
});

test("a controller reconciles as many keys at once as it has workers, and never one key twice at once", async () => {
  let running = 0;
  let most = 0;
  const { clock, queue, abort, ended } = start({
    async reconcile() {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => clock.setTimer(100, resolve));
      running--;
    },
  });
  for (const key of ["a", "b", "c"]) queue.add(key);
  await clock.settle();
  queue.add("a");
  queue.add("b");
  await clock.advance(1000);
  assert.equal(most, 2);
  assert.equal(running, 0);
  abort.abort();
  await ended;
});

test("a controller comes back when a reconcile asks for it", async () => {
  const clock = new VirtualClock();
  const times: number[] = [];
  const startMs = clock.now();
  const queue = createWorkQueue({ name: "test", clock, random: seededRandom(1) });
  const abort = new AbortController();
  const ended = runWorkers(
    {
      name: "test",
      queue,
      workers: 1,
      clock,
      logger: silentLogger,
      async reconcile() {
        times.push(clock.now() - startMs);
        return times.length < 3 ? { requeueAfterMs: 60_000 } : {};
      },
    },
    { signal: abort.signal },
  );
  queue.add("a");
  await clock.advance(600_000);
  assert.deepEqual(times, [0, 60_000, 120_000]);
  abort.abort();
  await ended;
});

test("a controller drops a key after its retry limit", async () => {
  let calls = 0;
  const { clock, queue, abort, ended } = start({
    retryLimit: 2,
    async reconcile() {
      calls++;
      throw new Error("always");
    },
  });
  queue.add("a");
  await clock.advance(60_000);
  assert.equal(calls, 3);
  abort.abort();
  await ended;
});

test("a controller aborts a reconcile that takes too long and retries it", async () => {
  let calls = 0;
  const { clock, queue, abort, ended } = start({
    timeoutMs: 1000,
    async reconcile(_key, { signal }) {
      if (++calls > 1) return;
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  queue.add("a");
  await clock.advance(2000);
  assert.equal(calls, 2);
  abort.abort();
  await ended;
  assert.equal(clock.pendingTimers, 0);
});

test("a controller that is stopped waits for the reconciles that run and starts no other", async () => {
  const seen: string[] = [];
  const { clock, queue, abort, ended } = start({
    workers: 1,
    async reconcile(key) {
      await new Promise<void>((resolve) => clock.setTimer(100, resolve));
      seen.push(key);
    },
  });
  queue.add("a");
  queue.add("b");
  await clock.settle();
  let stopped = false;
  void ended.then(() => {
    stopped = true;
  });
  abort.abort();
  await clock.settle();
  assert.equal(stopped, false);
  await clock.advance(100);
  assert.equal(stopped, true);
  assert.deepEqual(seen, ["a"]);
});

test("a controller does not retry what failed for good, but looks again when the key is added", async () => {
  let calls = 0;
  const outcomes: string[] = [];
  const { clock, queue, abort, ended } = start({
    metrics: { ended: (outcome) => outcomes.push(outcome) },
    async reconcile() {
      calls++;
      throw new TerminalError("the specification makes no sense");
    },
  });
  queue.add("a");
  await clock.advance(3_600_000);
  assert.equal(calls, 1);
  queue.add("a");
  await clock.settle();
  assert.deepEqual(outcomes, ["terminal_error", "terminal_error"]);
  abort.abort();
  await ended;
});
