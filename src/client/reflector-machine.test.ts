import assert from "node:assert/strict";
import test from "node:test";
import { seededRandom } from "../base/random.ts";
import type { ReflectorFailureKind } from "./reflector-failure.ts";
import {
  defaultReflectorPolicy,
  initialReflectorState,
  type ReflectorEffect,
  type ReflectorInput,
  type ReflectorPolicy,
  stepReflector,
} from "./reflector-machine.ts";

const failed = (kind: ReflectorFailureKind, retryAfterMs = 0): ReflectorInput => ({
  type: "failed",
  failure: { kind, retryAfterMs, message: kind },
});
const page = (version: string, continueToken = ""): ReflectorInput => ({
  type: "page",
  version,
  continueToken,
});
const events = (version: string, bookmark = false): ReflectorInput => ({ type: "events", version, bookmark });
const start: ReflectorInput = { type: "start" };
const waited: ReflectorInput = { type: "waited" };
const later = (ms: number) => ({ type: "later" as const, ms });

type Line = ReflectorInput | ReturnType<typeof later>;

function describe(effect: ReflectorEffect): string {
  switch (effect.do) {
    case "list": {
      const where =
        effect.continueToken === "" ? `at ${effect.resourceVersion ?? "latest"}` : effect.continueToken;
      return `list ${where}${effect.limit === 0 ? "" : ` by ${effect.limit}`}`;
    }
    case "watch":
      return `${effect.streamList ? "stream list" : "watch"} from ${effect.resourceVersion ?? "latest"}`;
    case "replace":
    case "seen":
      return `${effect.do} ${effect.version}`;
    case "wait":
      return `wait ${effect.delayMs}`;
    default:
      return effect.do;
  }
}

/** Runs inputs through the machine without jitter; what it does, the watchdogs left out. */
function transcript(lines: readonly Line[], policy: Partial<ReflectorPolicy> = {}): string[] {
  let nowMs = 1_000_000;
  let state = initialReflectorState;
  const done: string[] = [];
  const whole: ReflectorPolicy = {
    ...defaultReflectorPolicy,
    backoff: { ...defaultReflectorPolicy.backoff, jitter: 0 },
    listMode: "paged",
    ...policy,
  };
  for (const line of lines) {
    if (line.type === "later") {
      nowMs += line.ms;
      continue;
    }
    const step = stepReflector(state, line, { policy: whole, nowMs, random: seededRandom(1) });
    state = step.state;
    done.push(...step.effects.map(describe).filter((text) => text !== "watchdog" && text !== "abandon"));
  }
  return done;
}

const watching = [start, page("10")];
const whileWatching = ["list at 0 by 500", "replace 10", "watch from 10"];

for (const { name, lines, policy, want } of [
  {
    name: "lists in pages, then watches from the list's version",
    lines: [start, page("10", "token"), page("10")],
    want: ["list at 0 by 500", "list token by 500", "replace 10", "watch from 10"],
  },
  {
    name: "renews a watch that the server ended in time, from the last event",
    lines: [...watching, events("12"), later(600_000), { type: "ended" }],
    want: [...whileWatching, "seen 12", "watch from 12"],
  },
  {
    name: "resumes from a bookmark after a cut",
    lines: [...watching, events("15", true), failed("connection"), waited],
    want: [...whileWatching, "seen 15", "wait 200", "watch from 15"],
  },
  {
    name: "waits before it renews a watch that ended early, so that an outage ends without a storm",
    lines: [...watching, { type: "ended" }, waited, { type: "ended" }, waited, { type: "ended" }],
    want: [...whileWatching, "wait 200", "watch from 10", "wait 400", "watch from 10", "wait 800"],
  },
  {
    name: "lists again at once when its version expired, and waits when that did not help",
    lines: [...watching, failed("expired"), page("20"), failed("expired"), waited],
    want: [...whileWatching, "list at 10", "replace 20", "watch from 20", "wait 400", "list at 20"],
  },
  {
    name: "lists the most recent when the server cannot list at its version",
    lines: [...watching, failed("expired"), failed("expired"), failed("expired"), waited],
    want: [...whileWatching, "list at 10", "list at latest", "wait 800", "list at latest by 500"],
  },
  {
    name: "lists the most recent when the server has never seen its version",
    lines: [...watching, failed("futureVersion"), page("5")],
    want: [...whileWatching, "list at latest by 500", "replace 5", "watch from 5"],
  },
  {
    name: "fetches a list whole when its continue token expired",
    lines: [start, page("10", "token"), failed("expired"), page("11")],
    want: ["list at 0 by 500", "list token by 500", "list at latest", "replace 11", "watch from 11"],
  },
  {
    name: "backs off as long as the outage lasts, up to the limit",
    lines: [start, ...Array.from({ length: 10 }, () => [failed("connection"), waited]).flat()],
    want: [
      "list at 0 by 500",
      ...[200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000].flatMap((ms) => [
        `wait ${ms}`,
        "list at 0 by 500",
      ]),
    ],
  },
  {
    name: "waits as long as the server asks",
    lines: [...watching, failed("server", 5000), waited],
    want: [...whileWatching, "wait 5000", "watch from 10"],
  },
  {
    name: "lists again when watching keeps failing",
    lines: [...watching, ...Array.from({ length: 4 }, () => [failed("server"), waited]).flat()],
    want: [
      ...whileWatching,
      ...["wait 200", "watch from 10", "wait 400", "watch from 10", "wait 800", "watch from 10"],
      ...["wait 1600", "list at 10"],
    ],
  },
  {
    name: "starts its back-off over once events arrive",
    lines: [...watching, failed("connection"), waited, events("11"), failed("connection")],
    want: [...whileWatching, "wait 200", "watch from 10", "seen 11", "wait 200"],
  },
  {
    name: "starts its back-off over after two minutes without a failure",
    lines: [...watching, failed("connection"), waited, later(120_001), failed("connection")],
    want: [...whileWatching, "wait 200", "watch from 10", "wait 200"],
  },
  {
    name: "waits no longer each time where a proxy cuts every watch after a minute",
    lines: [
      ...watching,
      ...Array.from({ length: 4 }, () => [later(60_000), { type: "ended" as const }, waited]).flat(),
    ],
    want: [...whileWatching, ...Array.from({ length: 4 }, () => ["wait 200", "watch from 10"]).flat()],
  },
  {
    name: "streams a list and goes on with the same watch",
    policy: { listMode: "streaming" as const },
    lines: [start, events("7"), { type: "listStreamed", version: "9" }, events("11")],
    want: ["stream list from latest", "replace 9", "seen 11"],
  },
  {
    name: "lists in pages for good where the server refuses to stream",
    policy: { listMode: "streaming" as const },
    lines: [start, failed("refused"), page("10"), failed("expired")],
    want: ["stream list from latest", ...whileWatching, "list at 10"],
  },
  {
    name: "lists in pages where a streamed list brings nothing",
    policy: { listMode: "streaming" as const },
    lines: [start, later(15_000), { type: "watchdog" }],
    want: ["stream list from latest", "list at 0 by 500"],
  },
  {
    name: "lists in pages where a streamed list broke off twice",
    policy: { listMode: "streaming" as const },
    lines: [start, { type: "ended" }, waited, { type: "ended" }, waited],
    want: ["stream list from latest", "wait 200", "stream list from latest", "wait 400", "list at 0 by 500"],
  },
  {
    name: "streams again from its version once that has healed",
    policy: { listMode: "streaming" as const },
    lines: [start, { type: "listStreamed", version: "9" }, events("11"), failed("expired")],
    want: ["stream list from latest", "replace 9", "seen 11", "stream list from 11"],
  },
  {
    name: "replaces a watch that is silent past its time",
    lines: [...watching, later(300_000), { type: "watchdog" }, later(320_000), { type: "watchdog" }, waited],
    want: [...whileWatching, "wait 200", "watch from 10"],
  },
  {
    name: "replaces a watch sooner whose bookmarks stay away",
    lines: [
      ...watching,
      ...[later(60_000), events("11", true), later(60_000), events("11", true)],
      ...[later(134_999), { type: "watchdog" as const }, later(1), { type: "watchdog" as const }, waited],
    ],
    want: [...whileWatching, "seen 11", "seen 11", "wait 200", "watch from 11"],
  },
  {
    name: "gives up a list that hangs",
    lines: [start, later(60_000), { type: "watchdog" }, waited],
    want: ["list at 0 by 500", "wait 200", "list at 0 by 500"],
  },
  {
    name: "does nothing once stopped",
    lines: [start, { type: "stop" }, page("10"), waited, failed("connection")],
    want: ["list at 0 by 500"],
  },
] satisfies { name: string; lines: Line[]; policy?: Partial<ReflectorPolicy>; want: string[] }[]) {
  test(`the reflector ${name}`, () => assert.deepEqual(transcript(lines, policy), want));
}
