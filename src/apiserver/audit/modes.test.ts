import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { openStages, startTestServer } from "../test-support/server.ts";
import { AuditMetrics } from "./audit-metrics.ts";
import { createAuditor } from "./auditor.ts";
import type { AuditBackend, AuditEvent } from "./event.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";

/** A server whose audit backend answers as `keep` says. */
async function start(keep: (event: AuditEvent) => Promise<boolean> | undefined) {
  const clock = new VirtualClock();
  const events: AuditEvent[] = [];
  const backend: AuditBackend = {
    process(event) {
      events.push(event);
      return keep(event);
    },
    async close() {},
  };
  const metrics = new AuditMetrics();
  const policy = { rules: [{ level: "Metadata" as const }] };
  const auditor = createAuditor({ policy, backends: [backend], clock, metrics });
  const server = await startTestServer({ stages: openStages, dependencies: { auditor, clock } });
  events.length = 0;
  return { ...server, events, metrics };
}

test("an answer waits until its event is written", async () => {
  const gate = Promise.withResolvers<boolean>();
  const { call, close } = await start(({ stage }) =>
    stage === "ResponseComplete" ? gate.promise : undefined,
  );
  let isAnswered = false;
  const answer = call("GET", configMaps).then((response) => {
    isAnswered = true;
    return response;
  });
  await new Promise(setImmediate);
  assert.equal(isAnswered, false);
  gate.resolve(true);
  assert.equal((await answer).status, 200);
  await close();
});

test("a request that has to be recorded and cannot be is refused, and nothing is done", async () => {
  const { call, events, metrics, close } = await start(async ({ verb }) => verb !== "create");
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  const refused = await call("POST", configMaps, { body });
  assert.ok(refused.status === 500 && refused.type === "object");
  assert.equal(
    (refused.object as { message?: string }).message,
    "Internal error occurred: failed to store audit event",
  );
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ["RequestReceived"],
  );
  assert.equal((await call("GET", `${configMaps}/a`)).status, 404);
  const rejected = metrics.families().find(({ name }) => name === "apiserver_audit_requests_rejected_total");
  assert.equal(rejected?.points[0]?.value, 1);
  await close();
});
