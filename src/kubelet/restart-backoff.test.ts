import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/virtual-clock.ts";
import { RestartBackoff } from "./restart-backoff.ts";

test("Back-off doubles from ten seconds to five minutes, and only then waits", async () => {
  const clock = new VirtualClock();
  const backoff = new RestartBackoff(clock);
  assert.equal(backoff.remainingMs("k", clock.now()), 0);
  const delays: number[] = [];
  for (let restart = 0; restart < 7; restart++) {
    backoff.grow("k");
    delays.push(backoff.remainingMs("k", clock.now()) / 1000);
    await clock.advance(backoff.delayMs("k"));
    assert.equal(backoff.remainingMs("k", clock.now() - backoff.delayMs("k")), 0);
  }
  assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300]);
});

test("Back-off is forgiven after twice the longest pause", async () => {
  const clock = new VirtualClock();
  const backoff = new RestartBackoff(clock);
  backoff.grow("k");
  backoff.grow("k");
  await clock.advance(600_001);
  assert.equal(backoff.delayMs("k"), 0);
  backoff.grow("k");
  assert.equal(backoff.delayMs("k"), 10_000);
});

test("Back-off of a pod is forgotten with the pod", () => {
  const backoff = new RestartBackoff(new VirtualClock());
  backoff.grow("uid1/a");
  backoff.grow("uid2/a");
  backoff.forget("uid1/");
  assert.equal(backoff.delayMs("uid1/a"), 0);
  assert.equal(backoff.delayMs("uid2/a"), 10_000);
});
