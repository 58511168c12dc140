import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, NodeStatus, Pod, Taint } from "../../api/core/types.generated.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { ago, now, nowMs, pod } from "../test-support/objects.ts";
import { defaultDisruptionLimits, evictionRate, isAllDisrupted, zoneStates } from "./disruption.ts";
import { type NodeSnapshot, reconcileNode } from "./reconcile.ts";

const heartbeat = { lastHeartbeatTime: ago(60), lastTransitionTime: ago(3600) };

function node(ready: string | undefined, taints: readonly Taint[] = [], name = "n1"): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: ago(3600) },
    spec: taints.length === 0 ? {} : { taints },
    status: {
      conditions:
        ready === undefined
          ? []
          : [
              { type: "MemoryPressure", status: ready === "Unknown" ? "Unknown" : "False", ...heartbeat },
              { type: "Ready", status: ready, ...heartbeat },
            ],
    },
  };
}

const decide = (of: Node, more: Partial<NodeSnapshot> = {}) =>
  reconcileNode(
    {
      node: of,
      lastHeardMs: nowMs - 10_000,
      graceMs: 50_000,
      readyPods: [],
      evictionAllowedInMs: 0,
      isAllDisrupted: false,
      ...more,
    },
    now,
  );

/** "not-ready:NoExecute" for each taint the intents put on. */
function taints(intents: readonly Intent[]): string[] | undefined {
  const patched = intents.find((intent) => intent.action === "patch");
  if (patched?.action !== "patch" || patched.patch.type !== "merge") return undefined;
  const { spec } = patched.patch.patch as { spec: { taints: Taint[] | null } };
  return (spec.taints ?? []).map(({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`);
}

const taint = (key: string, effect: string): Taint => ({ key: `node.kubernetes.io/${key}`, effect });

test("Node that is heard is looked at again when it would have been silent for too long", () => {
  assert.deepEqual(decide(node("True")).map(describeIntent), ["requeue after 40001 ms"]);
});

test("Node that is silent for more than 50 s becomes Unknown, with its pods not ready", () => {
  const ready: Pod = pod("web", { ready: true, node: "n1" });
  const intents = decide(node("True"), { lastHeardMs: nowMs - 51_000, readyPods: [ready] });
  assert.deepEqual(intents.map(describeIntent), [
    "updateStatus pods default/web",
    "event Warning NodeNotReady: Node is not ready",
    "updateStatus nodes n1",
    "event Normal NodeNotReady: Node n1 status is now: NodeNotReady",
    "patch nodes n1",
  ]);
  const [, , marked] = intents;
  assert.ok(marked?.action === "updateStatus");
  const { conditions = [] } = marked.status as NodeStatus;
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    [
      "MemoryPressure Unknown NodeStatusUnknown",
      "Ready Unknown NodeStatusUnknown",
      "DiskPressure Unknown NodeStatusNeverUpdated",
      "PIDPressure Unknown NodeStatusNeverUpdated",
    ],
  );
});

for (const { name, of, more = {}, want } of [
  {
    name: "loses its taints once it is ready",
    of: node("True", [taint("not-ready", "NoSchedule"), taint("unreachable", "NoExecute")]),
    want: [],
  },
  {
    name: "keeps taints of others",
    of: node("True", [{ key: "gpu", effect: "NoSchedule" }, taint("not-ready", "NoSchedule")]),
    want: ["gpu:NoSchedule"],
  },
  {
    name: "that is not ready drives pods off",
    of: node("False"),
    want: ["not-ready:NoSchedule", "not-ready:NoExecute"],
  },
  {
    name: "waits for its zone's turn to drive pods off",
    of: node("False"),
    more: { evictionAllowedInMs: 5000 },
    want: ["not-ready:NoSchedule"],
  },
  {
    name: "that goes from not ready to unreachable changes its taints at once",
    of: node("Unknown", [taint("not-ready", "NoExecute"), taint("not-ready", "NoSchedule")]),
    more: { evictionAllowedInMs: 5000 },
    want: ["unreachable:NoSchedule", "unreachable:NoExecute"],
  },
  {
    name: "drives nothing off while every node looks dead",
    of: node("Unknown", [taint("unreachable", "NoSchedule"), taint("unreachable", "NoExecute")]),
    more: { isAllDisrupted: true },
    want: ["unreachable:NoSchedule"],
  },
  {
    name: "that is cordoned is tainted unschedulable",
    of: { ...node("True"), spec: { unschedulable: true } },
    want: ["unschedulable:NoSchedule"],
  },
  {
    name: "that is as it should be is left alone",
    of: node("False", [taint("not-ready", "NoSchedule"), taint("not-ready", "NoExecute")]),
    want: undefined,
  },
]) {
  test(`Node ${name}`, () => assert.deepEqual(taints(decide(of, more)), want));
}

test("Zones: one dead node is normal, most of a zone partial, all of it full disruption", () => {
  const zone = (statuses: string) =>
    [...statuses].map((status, index) => node(status === "+" ? "True" : "Unknown", [], `n${index}`));
  const stateOf = (statuses: string) => [...zoneStates(zone(statuses)).values()][0];
  assert.equal(stateOf("++-"), "Normal");
  assert.equal(stateOf("+---"), "PartialDisruption");
  assert.equal(stateOf("+--"), "Normal", "two of three are too few to judge a zone by");
  assert.equal(stateOf("--"), "FullDisruption");
  assert.equal(isAllDisrupted(zoneStates(zone("--"))), true);
  assert.equal(isAllDisrupted(zoneStates(zone("-+"))), false);
  assert.equal(isAllDisrupted(zoneStates([])), false);
});

test("Zones: a small one that is partly gone drives nothing off, a large one slowly", () => {
  assert.equal(evictionRate("Normal", 10, defaultDisruptionLimits), 0.1);
  assert.equal(evictionRate("PartialDisruption", 10, defaultDisruptionLimits), 0);
  assert.equal(evictionRate("PartialDisruption", 51, defaultDisruptionLimits), 0.01);
  assert.equal(evictionRate("FullDisruption", 10, defaultDisruptionLimits), 0.1);
});
