import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { openStages, startTestServer } from "../test-support/server.ts";
import { encodePprof } from "./pprof.ts";
import { profilingHandler } from "./profiling-handler.ts";

/** The part of profile.proto that is written. */
const { root } = protobuf.parse(`syntax = "proto3";
message Profile {
  repeated ValueType sample_type = 1; repeated Sample sample = 2; repeated Location location = 4;
  repeated Function function = 5; repeated string string_table = 6; int64 time_nanos = 9;
  int64 duration_nanos = 10; ValueType period_type = 11; int64 period = 12;
}
message ValueType { int64 type = 1; int64 unit = 2; }
message Sample { repeated uint64 location_id = 1; repeated int64 value = 2; }
message Location { uint64 id = 1; repeated Line line = 4; }
message Line { uint64 function_id = 1; int64 line = 2; }
message Function { uint64 id = 1; int64 name = 2; int64 system_name = 3; int64 filename = 4; }`);
const Profile = root.lookupType("Profile");

interface Decoded {
  readonly sampleType: readonly { readonly type: number; readonly unit: number }[];
  readonly sample: readonly { readonly locationId: readonly number[]; readonly value: readonly number[] }[];
  readonly location: readonly { readonly id: number; readonly line: readonly { readonly line: number }[] }[];
  readonly function: readonly { readonly name: number; readonly filename: number }[];
  readonly stringTable: readonly string[];
  readonly durationNanos: number;
}

function decode(bytes: Uint8Array): Decoded {
  return Profile.toObject(Profile.decode(bytes), { longs: Number, defaults: true, arrays: true }) as Decoded;
}

test("a profile is written as pprof reads it", () => {
  const inner = { functionName: "inner", url: "file:///a.ts", lineNumber: 9 };
  const outer = { functionName: "", url: "file:///b.ts", lineNumber: 0 };
  const decoded = decode(
    encodePprof({
      types: [
        ["samples", "count"],
        ["cpu", "nanoseconds"],
      ],
      samples: [
        { frames: [inner, outer], values: [3, 5_000_000_000] },
        { frames: [outer], values: [1, 200] },
      ],
      timeMs: 1_700_000_000_000,
      durationMs: 30_000,
      period: 1_000_000,
    }),
  );
  const text = (id: number | undefined) => decoded.stringTable[id ?? 0];
  assert.equal(decoded.stringTable[0], "");
  assert.deepEqual(
    decoded.sampleType.map(({ type, unit }) => [text(type), text(unit)]),
    [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
  );
  assert.deepEqual(decoded.sample, [
    { locationId: [1, 2], value: [3, 5_000_000_000] },
    { locationId: [2], value: [1, 200] },
  ]);
  assert.deepEqual(
    decoded.location.map(({ line }) => line[0]?.line),
    [10, 1],
  );
  assert.deepEqual(
    decoded.function.map(({ name, filename }) => [text(name), text(filename)]),
    [
      ["inner", "file:///a.ts"],
      ["(anonymous)", "file:///b.ts"],
    ],
  );
  assert.equal(decoded.durationNanos, 30e9);
});

async function bodyOf(response: ApiResponse): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  if (response.type === "bytes") for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function start(isAllowed = true) {
  const clock = new VirtualClock();
  const server = await startTestServer({
    stages: { ...openStages, authorizer: { authorize: () => ({ allowed: isAllowed, reason: "" }) } },
    dependencies: { clock, nonResourceHandlers: [profilingHandler({ clock })] },
  });
  return { ...server, clock };
}

/** Lets the virtual time pass once the recording, which begins in real time, waits for it. */
async function untilWaiting(clock: VirtualClock): Promise<void> {
  while (clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve));
}

for (const kind of ["profile", "heap"]) {
  test(`an administrator records ${kind}, one at a time`, async () => {
    const { call, clock, close } = await start();
    const recording = call("GET", `/debug/pprof/${kind}`, { query: { seconds: "1" } });
    await untilWaiting(clock);
    const second = await call("GET", "/debug/pprof/heap");
    assert.equal(second.status, 500);
    assert.match((await bodyOf(second)).toString(), /already in use/);
    const kept = Array.from({ length: 50_000 }, (_, index) => ({ index, text: `kept ${index}` }));
    await clock.advance(1000);
    const response = await recording;
    assert.equal(response.status, 200);
    const { sample, stringTable } = decode(gunzipSync(await bodyOf(response)));
    assert.ok(sample.length > 0 && kept.length > 0);
    assert.ok(stringTable.includes(kind === "heap" ? "inuse_space" : "cpu"));
    await close();
  });
}

test("a profile for Chromium's tools is their own format", async () => {
  const { call, clock, close } = await start();
  const recording = call("GET", "/debug/pprof/profile", { query: { seconds: "1", format: "chromium" } });
  await untilWaiting(clock);
  await clock.advance(1000);
  const profile = JSON.parse((await bodyOf(await recording)).toString());
  assert.ok(Array.isArray(profile.nodes) && profile.endTime > profile.startTime);
  await close();
});

test("profiles are for those who may get their paths, and bounded in time", async () => {
  const user = { name: "jane", groups: ["system:authenticated"] };
  const closed = await start(false);
  assert.equal((await closed.call("GET", "/debug/pprof/profile", { user })).status, 403);
  await closed.close();
  const { call, close } = await start();
  const index = await call("GET", "/debug/pprof/");
  assert.equal(index.headers["content-type"], "text/html; charset=utf-8");
  assert.match((await bodyOf(index)).toString(), /profile<\/a>: where/);
  const { status, headers } = await call("GET", "/debug/pprof");
  assert.deepEqual([status, headers.location], [302, "/debug/pprof/"]);
  for (const seconds of ["0", "301", "x", "1e2"])
    assert.equal((await call("GET", "/debug/pprof/profile", { query: { seconds } })).status, 400);
  assert.equal((await call("GET", "/debug/pprof/goroutine")).status, 404);
  await close();
});
