import assert from "node:assert/strict";
import { test } from "node:test";
import { openStages, startTestServer } from "./test-support/server.ts";

const hook = "poststarthook/never";

for (const { name, grace, afterMs, path, want } of [
  { name: "does not live unless a flag says for how long", grace: {}, afterMs: 0, path: "/livez", want: 500 },
  {
    name: "lives for as long as a flag says",
    grace: { livezGraceMs: 9000 },
    afterMs: 8999,
    path: "/livez",
    want: 200,
  },
  {
    name: "does not live when that is over",
    grace: { livezGraceMs: 9000 },
    afterMs: 9000,
    path: "/livez",
    want: 500,
  },
  {
    name: "is forgiven by each check",
    grace: { livezGraceMs: 9000 },
    afterMs: 0,
    path: `/livez/${hook}`,
    want: 200,
  },
  {
    name: "is not ready, whatever is said",
    grace: { livezGraceMs: 9000 },
    afterMs: 0,
    path: "/readyz",
    want: 500,
  },
  {
    name: "is not healthy, whatever is said",
    grace: { livezGraceMs: 9000 },
    afterMs: 0,
    path: "/healthz",
    want: 500,
  },
])
  test(`A server that has not started yet ${name}`, async () => {
    const postStartHooks = [{ name: "never", run: () => new Promise<void>(() => {}) }];
    const server = await startTestServer({
      stages: { ...openStages, postStartHooks },
      dependencies: grace,
    });
    await server.clock.advance(afterMs);
    const { status } = await server.call("GET", path);
    await server.close();
    assert.equal(status, want);
  });
