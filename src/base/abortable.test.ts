import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import { abortable } from "./abortable.ts";

test("Waiting ends with the work, or with the signal, and leaves no listener", async () => {
  const { signal } = new AbortController();
  assert.equal(await abortable(Promise.resolve(1), undefined), 1);
  assert.equal(await abortable(Promise.resolve(2), signal), 2);
  await assert.rejects(abortable(Promise.reject(new Error("failed")), signal), /failed/);
  assert.equal(getEventListeners(signal, "abort").length, 0);
  const abort = new AbortController();
  const work = Promise.withResolvers<void>();
  const waiting = abortable(work.promise, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(abortable(work.promise, abort.signal), /enough/);
  work.reject(new Error("nobody hears of it"));
});
