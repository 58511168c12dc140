import assert from "node:assert/strict";
import { test } from "node:test";
import { InFlight } from "./in-flight.ts";
import { parseRequestInfo } from "./request-info.ts";

const user = { name: "u", groups: ["system:authenticated"] };
const read = parseRequestInfo("GET", "/api/v1/pods", new URLSearchParams());
const write = parseRequestInfo("POST", "/api/v1/namespaces/n/pods", new URLSearchParams());
const watch = parseRequestInfo("GET", "/api/v1/pods", new URLSearchParams("watch=true"));
const log = parseRequestInfo("GET", "/api/v1/namespaces/n/pods/p/log", new URLSearchParams());

test("reads and writes have places of their own, and a place that is given back can be taken again", () => {
  const inFlight = new InFlight({ readOnly: 1, mutating: 1 });
  const leave = inFlight.enter(read, user);
  inFlight.enter(write, user);
  assert.throws(() => inFlight.enter(read, user), { code: 429 });
  assert.throws(() => inFlight.enter(write, user), { message: "Too many requests, please try again later." });
  leave();
  inFlight.enter(read, user);
});

test("watches, logs and administrators are not counted", () => {
  const inFlight = new InFlight({ readOnly: 0, mutating: 0 });
  inFlight.enter(watch, user);
  inFlight.enter(log, user);
  inFlight.enter(write, { name: "admin", groups: ["system:masters"] });
});
