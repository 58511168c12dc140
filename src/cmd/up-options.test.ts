import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUpOptions, type UpFlags } from "./up-options.ts";
import { UserError } from "./user-error.ts";

const flags: UpFlags = {
  nodes: "1",
  runtime: "auto",
  storage: "sqlite",
  dataDir: "/data",
  port: "6443",
  logLevel: "info",
};

test("The flags' defaults are one node, durable, in the given folder", () => {
  const options = parseUpOptions(flags);
  assert.deepEqual(
    {
      nodes: options.nodes,
      storage: options.storage,
      dataDirectory: options.dataDirectory,
      port: options.port,
      disabled: options.disabled,
    },
    { nodes: 1, storage: "sqlite", dataDirectory: "/data", port: 6443, disabled: [] },
  );
});

for (const { change, says } of [
  { change: { nodes: "-1" }, says: '--nodes: "-1" is not a whole number from 0 to 32' },
  { change: { nodes: "1.5" }, says: '--nodes: "1.5" is not a whole number from 0 to 32' },
  { change: { nodes: "" }, says: '--nodes: "" is not a whole number from 0 to 32' },
  { change: { nodes: "2000", runtime: "sim" }, says: '--nodes: "2000" is not a whole number from 0 to 1000' },
  { change: { runtime: "docker" }, says: '--runtime: "docker" is not one of auto, containerd, sim' },
  { change: { storage: "disk" }, says: '--storage: "disk" is not one of sqlite, memory' },
  { change: { port: "70000" }, says: '--port: "70000" is not a whole number from 0 to 65535' },
  { change: { image: ["/nowhere.tar"] }, says: "--image: there is no file /nowhere.tar" },
  { change: { logLevel: "loud" }, says: '--log-level: "loud" is not one of debug, info, warn, error' },
]) {
  test(`A bad flag is refused in one sentence: ${says}`, () => {
    assert.throws(
      () => parseUpOptions({ ...flags, ...change }),
      (error) => error instanceof UserError && error.message === says,
    );
  });
}

test("Components and controllers can be disabled, others are named as unknown", () => {
  assert.deepEqual(parseUpOptions({ ...flags, disable: "scheduler, job-controller" }).disabled, [
    "scheduler",
    "job-controller",
  ]);
  assert.throws(() => parseUpOptions({ ...flags, disable: "etcd" }), /there is no component "etcd"/);
});
