import assert from "node:assert/strict";
import { test } from "node:test";
import { createErrors, definitionOf, frozen } from "../test-support/objects.ts";

const { convert, storedAs } = definitionOf("events.k8s.io/v1", "Event");

const newer = frozen({
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { name: "a", namespace: "ns" },
  eventTime: "2026-01-01T00:00:00.000000Z",
  series: { count: 2, lastObservedTime: "2026-01-01T00:00:10.000000Z" },
  reportingController: "example.com/c",
  reportingInstance: "c-1",
  action: "Do",
  reason: "Why",
  regarding: { kind: "Pod", name: "web", namespace: "ns" },
  related: { kind: "Node", name: "n1" },
  note: "words",
  type: "Normal",
  deprecatedSource: { component: "c" },
  deprecatedFirstTimestamp: "2026-01-01T00:00:00Z",
  deprecatedLastTimestamp: "2026-01-01T00:00:05Z",
  deprecatedCount: 3,
});

const older = {
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: "a", namespace: "ns" },
  eventTime: "2026-01-01T00:00:00.000000Z",
  series: { count: 2, lastObservedTime: "2026-01-01T00:00:10.000000Z" },
  reportingComponent: "example.com/c",
  reportingInstance: "c-1",
  action: "Do",
  reason: "Why",
  involvedObject: { kind: "Pod", name: "web", namespace: "ns" },
  related: { kind: "Node", name: "n1" },
  message: "words",
  type: "Normal",
  source: { component: "c" },
  firstTimestamp: "2026-01-01T00:00:00Z",
  lastTimestamp: "2026-01-01T00:00:05Z",
  count: 3,
};

test("New Event resource lifecycle, testing a single event: both APIs show the same event", () => {
  assert.deepEqual(storedAs, { group: "", plural: "events" });
  assert.deepEqual(convert?.(newer, "v1"), older);
  assert.deepEqual(convert?.(frozen(older), "v1"), newer);
});

test("an event of the older form has no event time in the newer one", () => {
  const plain = { apiVersion: "v1", kind: "Event", metadata: {}, involvedObject: {} };
  assert.deepEqual(convert?.(frozen(plain), "v1"), {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: {},
    regarding: {},
    eventTime: null,
  });
});

test("an event of the newer form says who reports what", () => {
  const { apiVersion: _version, kind: _kind, ...parts } = older;
  assert.deepEqual(createErrors("v1", "Event", parts), []);
  const silent = {
    ...parts,
    reportingComponent: "example.com/c",
    reportingInstance: "",
    action: "",
    reason: "x".repeat(129),
  };
  assert.deepEqual(createErrors("v1", "Event", silent), [
    "reportingInstance: Required value",
    "action: Required value",
    'reason: Invalid value: "": can have at most 128 characters',
  ]);
});
