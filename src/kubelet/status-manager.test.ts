import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodStatus } from "../api/core/types.generated.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { Client } from "../client/client.ts";
import { StatusManager, statusPatch } from "./status-manager.ts";
import { podWith } from "./test-support/records.ts";

/** A client that only takes patches; what it was sent is kept. Each makes a version, from 11 on. */
function patchingClient(sent: unknown[]): Client {
  const patch = (_type: unknown, _name: unknown, body: { patch: { status: unknown } }) => {
    const resourceVersion = String(10 + sent.push(body.patch.status));
    return Promise.resolve({ metadata: { resourceVersion } });
  };
  return { patch } as unknown as Client; // the status manager calls nothing else here
}

test("The last status always reaches the API, however it falls between two writes", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const sent: unknown[] = [];
    const manager = new StatusManager({
      client: patchingClient(sent),
      clock: new VirtualClock(),
      random: seededRandom(1),
      logger: silentLogger,
    });
    manager.set(podWith(), { phase: "Running" });
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    manager.set(podWith(), { phase: "Succeeded" });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(sent.at(-1), { phase: "Succeeded" }, `after ${turns} turns`);
  }
});

test("What another has written over a pod's status is told anew, an event of what was before is not", async () => {
  const sent: unknown[] = [];
  const manager = new StatusManager({
    client: patchingClient(sent),
    clock: new VirtualClock(),
    random: seededRandom(1),
    logger: silentLogger,
  });
  const ready = (status: string): PodStatus => ({ conditions: [{ type: "Ready", status }] });
  const at = (resourceVersion: string, status: PodStatus) => {
    const pod = podWith();
    return { ...pod, metadata: { ...pod.metadata, resourceVersion }, status };
  };
  manager.set(at("10", ready("False")), ready("True"));
  await manager.flush();
  manager.set(at("10", ready("False")), ready("True"));
  manager.set(at("11", ready("True")), ready("True"));
  await manager.flush();
  assert.deepEqual(sent, [ready("True")]);
  manager.set(at("12", ready("False")), ready("True"));
  await manager.flush();
  assert.deepEqual(sent, [ready("True"), ready("True")]);
});

test("A pod that is forgotten while a newer status waits for its write keeps nobody busy", async () => {
  const client = {
    patch: (_type: unknown, _name: unknown, _body: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  };
  const manager = new StatusManager({
    client: client as unknown as Client, // the status manager calls nothing else here
    clock: new VirtualClock(),
    random: seededRandom(1),
    logger: silentLogger,
  });
  manager.set(podWith(), { phase: "Running" });
  manager.set(podWith(), { phase: "Succeeded" });
  manager.remove(podWith().metadata.uid ?? "");
  // Promises that begin one another without end would never let it come.
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(manager.get(podWith().metadata.uid ?? ""), undefined);
});

const rows: { name: string; before: PodStatus; after: PodStatus; want: object | undefined }[] = [
  {
    name: "names what changed",
    before: { phase: "Pending", podIP: "1" },
    after: { phase: "Running", podIP: "1" },
    want: { phase: "Running" },
  },
  {
    name: "is nothing when nothing changed",
    before: { phase: "Running" },
    after: { phase: "Running" },
    want: undefined,
  },
  { name: "nulls what went away", before: { reason: "x" }, after: {}, want: { reason: null } },
  {
    name: "sends only the conditions that changed, with null for their fields that went away",
    before: {
      conditions: [
        { type: "Ready", status: "False", reason: "r" },
        { type: "PodScheduled", status: "True" },
      ],
    },
    after: {
      conditions: [
        { type: "Ready", status: "True" },
        { type: "PodScheduled", status: "True" },
      ],
    },
    want: { conditions: [{ type: "Ready", status: "True", reason: null }] },
  },
  { name: "leaves what is the scheduler's", before: { nominatedNodeName: "a" }, after: {}, want: undefined },
];
for (const { name, before, after, want } of rows) {
  test(`A status patch ${name}`, () => assert.deepEqual(statusPatch(before, after), want));
}
