import assert from "node:assert/strict";
import { generateKeyPair, webcrypto } from "node:crypto";
import { test } from "node:test";
import { promisify } from "node:util";
import { VirtualClock } from "./virtual-clock.ts";

test("VirtualClock stands still until held work has ended, and what comes of it has settled", async () => {
  const clock = new VirtualClock({ startMs: 0 });
  const seen: string[] = [];
  clock.setTimer(1, () => {
    const slow = promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
    void clock.hold(slow).then(async () => {
      seen.push(`key at ${clock.now()}`);
      await clock.hold(webcrypto.subtle.digest("SHA-256", new Uint8Array(1)));
      seen.push(`digest at ${clock.now()}`);
    });
  });
  clock.setTimer(2, () => seen.push(`timer at ${clock.now()}`));
  await clock.advance(10);
  assert.deepEqual(seen, ["key at 1", "digest at 1", "timer at 2"]);
});

test("VirtualClock hands a held failure to whoever waits for it, and goes on", async () => {
  const clock = new VirtualClock({ startMs: 0 });
  const failing = clock.hold(Promise.reject(new Error("no key")));
  await Promise.all([assert.rejects(failing, /no key/), clock.advance(10)]);
  assert.equal(clock.now(), 10);
});

test("VirtualClock hands out what it held in the order in which it was held, however long each took", async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const slow = Promise.withResolvers<string>();
  const note = (outcome: string) => order.push(outcome);
  const first = clock.hold(slow.promise).then(note);
  const second = clock.hold(Promise.resolve("quick")).then(note);
  setTimeout(() => slow.resolve("slow"), 5);
  await Promise.all([first, second, clock.advance(1)]);
  assert.deepEqual(order, ["slow", "quick"]);
});
