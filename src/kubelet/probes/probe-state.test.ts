import assert from "node:assert/strict";
import { test } from "node:test";
import { initialProbeState, type ProbeKind, type ProbeOutcome, stepProbe } from "./probe-state.ts";

const rows: {
  name: string;
  kind: ProbeKind;
  outcomes: ProbeOutcome[];
  probe?: object;
  want: (string | undefined)[];
}[] = [
  {
    name: "a readiness probe is failed until it succeeds",
    kind: "readiness",
    outcomes: ["success"],
    want: ["success"],
  },
  {
    name: "three failures in a row make a failure",
    kind: "liveness",
    outcomes: ["failure", "failure", "failure"],
    want: ["success", "success", "failure"],
  },
  {
    name: "a success in between starts the count anew",
    kind: "liveness",
    outcomes: ["failure", "failure", "success", "failure", "failure"],
    want: ["success", "success", "success", "success", "success"],
  },
  {
    name: "the thresholds are the probe's",
    kind: "readiness",
    outcomes: ["success", "success", "failure"],
    probe: { successThreshold: 2, failureThreshold: 1 },
    want: ["failure", "success", "failure"],
  },
  {
    name: "an unknown outcome is not counted",
    kind: "liveness",
    outcomes: ["failure", "unknown", "failure", "failure"],
    want: ["success", "success", "success", "failure"],
  },
  {
    name: "a startup probe has no result before it is decided",
    kind: "startup",
    outcomes: ["failure", "success"],
    want: [undefined, "success"],
  },
];
for (const { name, kind, outcomes, probe = {}, want } of rows) {
  test(`Probes: ${name}`, () => {
    let state = initialProbeState(kind);
    const seen = outcomes.map((outcome) => {
      state = stepProbe(state, outcome, probe);
      return state.result;
    });
    assert.deepEqual(seen, want);
  });
}
