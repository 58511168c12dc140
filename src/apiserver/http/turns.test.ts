import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

/** Keeps the event loop for about this long. */
function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("short work goes on at once; when the turn's time is used up, the others wait in line and each is served", async () => {
  let nowMs = 0;
  const turns = new Turns(() => nowMs);
  assert.equal(turns.take(), undefined);
  assert.equal(turns.take(), undefined);
  nowMs = 8;
  const served: number[] = [];
  const jobs = [1, 2, 3].map(async (job) => {
    const turn = turns.take();
    assert.notEqual(turn, undefined);
    await turn;
    served.push(job);
  });
  assert.deepEqual(served, []);
  await Promise.all(jobs);
  assert.deepEqual(served, [1, 2, 3]);
});

test("many long jobs share the event loop with what is none of theirs", async () => {
  const turns = new Turns();
  let others = 0;
  let running = true;
  const other = () => {
    others++;
    if (running) setImmediate(other);
  };
  setImmediate(other);
  const pieces = 4;
  const job = async () => {
    for (let piece = 0; piece < pieces; piece++) {
      await turns.take();
      busyFor(6);
    }
  };
  const jobs = 5;
  await Promise.all(Array.from({ length: jobs }, job));
  running = false;
  // One piece is longer than a slice: nearly every one of them lets others run.
  assert.ok(others >= jobs * (pieces - 1), `others ran ${others} times`);
});
