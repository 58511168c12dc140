import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { ApiRequest, ApiResponse } from "../client/exchange.ts";
import type { RequestContext } from "./api-server.ts";
import { DrainGate } from "./drain-gate.ts";

/** A gate before a server that answers when it is told to. */
function startGate() {
  const clock = new VirtualClock();
  const waiting: PromiseWithResolvers<ApiResponse>[] = [];
  const done: ApiResponse = { type: "object", status: 200, headers: {}, object: {} };
  const server = {
    handle: (_: ApiRequest, { onAnswered }: RequestContext) => {
      onAnswered?.((bytes) => void observed.push(bytes));
      const answer = Promise.withResolvers<ApiResponse>();
      waiting.push(answer);
      return answer.promise;
    },
    upgrade: async () => ({ refusal: done }),
  };
  const observed: number[] = [];
  const gate = new DrainGate(server, { clock });
  const request = (path: string, fields: Partial<ApiRequest> = {}): ApiRequest => ({
    method: "GET",
    path,
    query: new URLSearchParams(),
    headers: {},
    signal: new AbortController().signal,
    ...fields,
  });
  const isDone = async (promise: Promise<unknown>) => {
    let settled = false;
    void promise.then(() => {
      settled = true;
    });
    await clock.settle();
    return settled;
  };
  return { clock, gate, waiting, done, observed, request, isDone };
}

test("those inside are answered, who comes is told to come again", async () => {
  const { gate, waiting, done, request, isDone } = startGate();
  const slow = gate.handle(request("/api/v1/pods"), {});
  const draining = gate.drain({ sendRetryAfter: true });
  assert.equal(await isDone(draining), false);
  const turnedAway = await gate.handle(request("/api/v1/nodes"), {});
  assert.equal(turnedAway.status, 429);
  assert.equal(turnedAway.headers["retry-after"], "5");
  waiting[0]?.resolve(done);
  assert.equal(await slow, done);
  assert.equal(await isDone(draining), true);
});

test("an answer is waited for until it is on the wire", async () => {
  const { gate, waiting, done, request, isDone, observed } = startGate();
  let written: ((bytes: number) => void) | undefined;
  const onAnswered = (callback: (bytes: number) => void) => {
    written = callback;
  };
  const answered = gate.handle(request("/api/v1/pods"), { onAnswered });
  waiting[0]?.resolve(done);
  await answered;
  const draining = gate.drain({ sendRetryAfter: false });
  assert.equal(await isDone(draining), false);
  written?.(42);
  assert.equal(await isDone(draining), true);
  assert.deepEqual(observed, [42]);
});

test("watches are not waited for, nor what takes longer than a request may", async () => {
  const { gate, request, isDone, clock } = startGate();
  void gate.handle(request("/api/v1/pods", { query: new URLSearchParams("watch=1") }), {});
  assert.equal(await isDone(gate.drain({ sendRetryAfter: false })), true);
  const other = startGate();
  void other.gate.handle(request("/api/v1/pods"), {});
  const draining = other.gate.drain({ sendRetryAfter: false });
  assert.equal(await other.isDone(draining), false);
  await other.clock.advance(60_000);
  assert.equal(await other.isDone(draining), true);
  assert.equal(clock.pendingTimers, 0);
});

test("health, metrics and the server's own requests go on; upgrades are turned away", async () => {
  const { gate, waiting, done, request } = startGate();
  await gate.drain({ sendRetryAfter: false });
  const own = { headers: { "user-agent": "kube-apiserver/v1.36" } };
  const asked = [
    gate.handle(request("/readyz"), {}),
    gate.handle(request("/metrics"), {}),
    gate.handle(request("/api/v1/pods", own), {}),
  ];
  for (const each of waiting) each.resolve(done);
  assert.deepEqual(await Promise.all(asked), [done, done, done]);
  const refused = await gate.handle(request("/api/v1/pods"), {});
  assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "1"]);
  const upgrade = await gate.upgrade(request("/api/v1/namespaces/a/pods/b/exec"), {});
  assert.equal("refusal" in upgrade && upgrade.refusal.status, 503);
});
