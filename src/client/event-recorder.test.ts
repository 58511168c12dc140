import assert from "node:assert/strict";
import test from "node:test";
import type { Event } from "../api/core/types.generated.ts";
import type { Event as EventV1 } from "../api/events/types.generated.ts";
import { events, eventsV1 } from "../api/resources.generated.ts";
import { failure, forbidden } from "../apimachinery/api-error.ts";
import type { ResourceType } from "../apimachinery/meta.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { createEventRecorder } from "./event-recorder.ts";
import { createClient } from "./rest-client.ts";
import { FakeApi } from "./test-support/fake-api.ts";

const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "shop", uid: "u1" } };
const failedPull = { type: "Warning", reason: "Failed", note: "cannot pull" } as const;

function setUp(api: "core" | "events.k8s.io" = "core") {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const type = (api === "core" ? events : eventsV1) as unknown as ResourceType; // what the fake holds is untyped
  const server = new FakeApi({ type, clock, random });
  const client = createClient({ transport: server });
  const recorder = createEventRecorder({
    ...{ client, clock, random, api },
    logger: silentLogger,
    component: "kubelet",
    host: "n1",
  });
  const written = () => server.objects() as unknown as readonly (Event & EventV1)[];
  return { clock, server, recorder, written };
}

test("the event recorder writes a core event with its source and times", async () => {
  const { recorder, written } = setUp();
  recorder.event(pod, { ...failedPull, related: { kind: "Node", name: "n1" } });
  await recorder.flush();
  const [event] = written();
  assert.match(event?.metadata.name ?? "", /^web\.[0-9a-f]{14,16}$/);
  const { metadata, ...rest } = event as Event;
  assert.deepEqual(
    [metadata.namespace, rest],
    [
      "shop",
      {
        apiVersion: "v1",
        kind: "Event",
        involvedObject: { apiVersion: "v1", kind: "Pod", name: "web", namespace: "shop", uid: "u1" },
        related: { kind: "Node", name: "n1" },
        type: "Warning",
        reason: "Failed",
        message: "cannot pull",
        count: 1,
        firstTimestamp: "2026-01-01T00:00:00Z",
        lastTimestamp: "2026-01-01T00:00:00Z",
        source: { component: "kubelet", host: "n1" },
        reportingComponent: "kubelet",
        reportingInstance: "n1",
      },
    ],
  );
});

test("the event recorder counts the same event up in place", async () => {
  const { clock, server, recorder, written } = setUp();
  for (let round = 0; round < 3; round++) {
    recorder.event(pod, failedPull);
    await clock.advance(60_000);
  }
  assert.equal(written().length, 1);
  assert.equal(written()[0]?.count, 3);
  assert.equal(written()[0]?.firstTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(written()[0]?.lastTimestamp, "2026-01-01T00:02:00Z");
  assert.deepEqual(
    server.requests.map((request) => request.split(" ")[0]),
    ["POST", "PATCH", "PATCH"],
  );
});

for (const api of ["core", "events.k8s.io"] as const) {
  test(`the event recorder writes a counted event of ${api} again, with its count, when it has expired`, async () => {
    const { clock, server, recorder, written } = setUp(api);
    recorder.event(pod, failedPull);
    await recorder.flush();
    const first = written()[0]?.metadata ?? {};
    server.remove(first);
    await clock.advance(7_200_000);
    recorder.event(pod, failedPull);
    await recorder.flush();
    assert.equal(written().length, 1);
    const [again] = written();
    assert.equal(again?.metadata.name, first.name);
    assert.equal(again?.series?.count ?? again?.count, 2);
    assert.match(again?.firstTimestamp ?? String(again?.eventTime), /^2026-01-01T00:00:00/);
    assert.match(again?.lastTimestamp ?? String(again?.series?.lastObservedTime), /^2026-01-01T02:00:00/);
  });
}

test("the event recorder combines ten events that differ only in their note", async () => {
  const { recorder, written } = setUp();
  for (let index = 0; index < 12; index++) {
    recorder.event(pod, { ...failedPull, note: `attempt ${index}` });
    await recorder.flush();
  }
  assert.equal(written().length, 10);
  const combined = written().at(-1);
  assert.equal(combined?.message, "(combined from similar events): attempt 11");
  assert.equal(combined?.count, 3);
});

test("the event recorder lets an object have 25 events, then one in five minutes", async () => {
  const { clock, recorder, server } = setUp();
  for (let index = 0; index < 40; index++) recorder.event(pod, failedPull);
  await recorder.flush();
  assert.equal(server.requests.length, 25);
  await clock.advance(300_000);
  for (let index = 0; index < 5; index++) recorder.event(pod, failedPull);
  await recorder.flush();
  assert.equal(server.requests.length, 26);
  recorder.event({ ...pod, metadata: { ...pod.metadata, name: "other", uid: "u2" } }, failedPull);
  await recorder.flush();
  assert.equal(server.requests.length, 27);
});

test("the event recorder counts a series in events.k8s.io", async () => {
  const { recorder, written } = setUp("events.k8s.io");
  recorder.event(pod, { ...failedPull, action: "Pulling" });
  recorder.event(pod, { ...failedPull, action: "Pulling" });
  await recorder.flush();
  const [event] = written();
  assert.equal(event?.action, "Pulling");
  assert.equal(event?.reportingController, "kubelet");
  assert.equal(event?.reportingInstance, "kubelet-n1");
  assert.equal(event?.eventTime, "2026-01-01T00:00:00.000000Z");
  assert.deepEqual(event?.series, { count: 2, lastObservedTime: "2026-01-01T00:00:00.000000Z" });
});

test("the event recorder keeps trying while the server cannot be reached, and drops what overflows", async () => {
  const { clock, server, recorder, written } = setUp();
  server.down = true;
  for (let index = 0; index < 1100; index++) {
    const metadata = { ...pod.metadata, name: `web-${index}`, uid: `u${index}` };
    recorder.event({ ...pod, metadata }, failedPull);
  }
  await clock.advance(30_000);
  assert.equal(written().length, 0);
  server.down = false;
  await clock.advance(10_000);
  await recorder.flush();
  assert.equal(written().length, 1000);
});

for (const error of [
  forbidden({ group: "", resource: "events" }, "x", "no"),
  failure(500, "InternalError", "a webhook failed"),
  failure(429, "TooManyRequests", "later"),
]) {
  test(`the event recorder gives up an event that the server answers with ${error.code}: no other waits for it`, async () => {
    const { clock, server, recorder, written } = setUp();
    server.intercept = ({ body }) => (JSON.stringify(body).includes("cannot pull") ? error : undefined);
    recorder.event(pod, failedPull);
    recorder.event(pod, { ...failedPull, note: "another" });
    await clock.settle();
    assert.deepEqual(
      written().map(({ message }) => message),
      ["another"],
    );
  });
}

test("the event recorder names events about odd names by a UUID, in default where there is no namespace", async () => {
  const { recorder, written } = setUp();
  recorder.event({ apiVersion: "rbac/v1", kind: "ClusterRole", metadata: { name: "system:x" } }, failedPull);
  await recorder.flush();
  assert.match(written()[0]?.metadata.name ?? "", /^[0-9a-f]{8}-/);
  assert.equal(written()[0]?.metadata.namespace, "default");
});
