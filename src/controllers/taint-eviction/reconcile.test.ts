import assert from "node:assert/strict";
import { test } from "node:test";
import type { Taint, Toleration } from "../../api/core/types.generated.ts";
import { actions, now, nowMs, pod } from "../test-support/objects.ts";
import { reconcileEviction } from "./reconcile.ts";

const taint: Taint = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
const other: Taint = { key: "maintenance", value: "on", effect: "NoExecute" };
const tolerate = (key: string, tolerationSeconds?: number): Toleration => ({
  key,
  operator: "Exists",
  effect: "NoExecute",
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

const evicted = [
  "event Normal TaintManagerEviction: Marking for deletion Pod default/web",
  "delete pods default/web",
];

interface Case {
  readonly name: string;
  readonly taints: readonly { readonly taint: Taint; readonly seconds: number }[];
  readonly tolerations?: readonly Toleration[];
  readonly wasPlanned?: boolean;
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  { name: "deletes at once what tolerates nothing", taints: [{ taint, seconds: 0 }], want: evicted },
  {
    name: "leaves alone what tolerates the taint for ever",
    taints: [{ taint, seconds: 1000 }],
    tolerations: [tolerate(taint.key)],
    want: [],
  },
  {
    name: "waits as long as the taint is tolerated",
    taints: [{ taint, seconds: 100 }],
    tolerations: [tolerate(taint.key, 300)],
    want: ["requeue after 200000 ms"],
  },
  {
    name: "deletes when the tolerated time is over",
    taints: [{ taint, seconds: 300 }],
    tolerations: [tolerate(taint.key, 300)],
    want: evicted,
  },
  {
    name: "goes by the taint that is tolerated shortest",
    taints: [
      { taint, seconds: 10 },
      { taint: other, seconds: 10 },
    ],
    tolerations: [tolerate(taint.key, 300), tolerate(other.key, 30)],
    want: ["requeue after 20000 ms"],
  },
  {
    name: "calls it off when the taint is gone (Taint, Pod Eviction on taint removal)",
    taints: [],
    wasPlanned: true,
    want: ["event Normal TaintManagerEviction: Cancelling deletion of Pod default/web"],
  },
];

for (const { name, taints, tolerations = [], wasPlanned = false, want } of cases) {
  test(`Taint eviction ${name}`, () => {
    const web = pod("web", { spec: { containers: [], tolerations } });
    const since = taints.map((each) => ({ taint: each.taint, sinceMs: nowMs - each.seconds * 1000 }));
    assert.deepEqual(actions(reconcileEviction({ pod: web, taints: since, wasPlanned }, now)), want);
  });
}
