import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { ContainerRuntime } from "../cri/runtime.ts";
import { memoryHost } from "../test-support/memory-host.ts";
import { LogRotator } from "./log-rotation.ts";

const path = "/logs/pod/c/0.log";

function harness(options: { readonly reopenFails?: boolean } = {}) {
  const clock = new VirtualClock();
  const host = memoryHost();
  let looks = 0;
  const files = {
    ...host.files,
    fileSize: (name: string) => {
      looks++;
      return host.files.fileSize(name);
    },
  };
  const reopened: string[] = [];
  const runtime = {
    async reopenContainerLog(id: string) {
      if (options.reopenFails === true) throw new Error("container is gone");
      reopened.push(id);
      host.texts.set(path, "");
    },
  } as unknown as ContainerRuntime; // the one call that is made
  const rotator = new LogRotator(
    { runtime, files, clock, logger: silentLogger },
    { maxBytes: 1000, maxFiles: 3 },
  );
  const write = (bytes: number) => host.texts.set(path, (host.texts.get(path) ?? "") + "x".repeat(bytes));
  const check = async (afterMs: number) => {
    await clock.advance(afterMs);
    await rotator.check([{ containerId: "id", path }]);
  };
  const names = () => [...host.texts.keys()].sort();
  return { check, write, names, reopened, host, looks: () => looks };
}

test("A log over its limit is moved away, and the runtime opens a new one", async () => {
  const { check, write, names, reopened } = harness();
  write(1500);
  await check(1000);
  assert.deepEqual(names(), [path, `${path}.20260101-000001`]);
  assert.deepEqual(reopened, ["id"]);
});

test("No more than the allowed files are kept: the newest rotated one as it is, older ones compressed", async () => {
  const { check, write, names } = harness();
  for (let round = 0; round < 4; round++) {
    write(1500);
    await check(30_000);
  }
  assert.deepEqual(names(), [path, `${path}.20260101-000130.gz`, `${path}.20260101-000200`]);
});

test("A log whose writer does not let go of it keeps its name", async () => {
  const { check, write, names, host } = harness({ reopenFails: true });
  write(1500);
  await check(1000);
  assert.deepEqual(names(), [path]);
  assert.equal(host.texts.get(path)?.length, 1500);
});

test("A quiet log is looked at every five minutes, one that fills up as often as it needs", async () => {
  const quiet = harness();
  quiet.write(10);
  for (let round = 0; round < 60; round++) await quiet.check(30_000);
  assert.ok(quiet.looks() <= 8, `${quiet.looks()} looks in half an hour`);
  const busy = harness();
  for (let round = 0; round < 60; round++) {
    busy.write(200);
    await busy.check(10_000);
  }
  assert.ok(busy.reopened.length >= 8, `${busy.reopened.length} rotations of 12 kB in parts of 1 kB`);
});
