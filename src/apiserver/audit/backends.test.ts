import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { blockingBackend } from "./blocking-backend.ts";
import { bufferedBackend, webhookBatchLimits } from "./buffered-backend.ts";
import { type AuditEvent, formatEvent } from "./event.ts";
import { RotatingFile, type RotatingFileOptions } from "./log-file/rotating-file.ts";
import { logSink } from "./log-sink.ts";
import { truncatingBackend } from "./truncate.ts";
import { webhookSink } from "./webhook-sink.ts";

const event: AuditEvent = {
  kind: "Event",
  apiVersion: "audit.k8s.io/v1",
  level: "Request",
  auditID: "id",
  stage: "ResponseComplete",
  requestURI: "/api",
  verb: "get",
  user: { username: "jane", groups: ["a", "b"] },
  responseStatus: { metadata: {}, code: 200 },
  requestReceivedTimestamp: "2026-01-02T03:04:05.000000Z",
  stageTimestamp: "2026-01-02T03:04:05.000000Z",
};

test("a line of the legacy format says who asked for what", () => {
  assert.equal(
    formatEvent(event, "legacy"),
    '2026-01-02T03:04:05.000000Z AUDIT: id="id" stage="ResponseComplete" ip="<unknown>" method="get" user="jane" groups="\\"a\\",\\"b\\"" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="/api" response="200"\n',
  );
});

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-audit-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);
const dayMs = 86_400_000;

/** Writes lines of ten bytes, a second apart, into a file that holds two. */
async function writeLines(directory: string, count: number, options: Partial<RotatingFileOptions> = {}) {
  const clock = new VirtualClock();
  const file = new RotatingFile({ path: join(directory, "audit.log"), maxBytes: 20, clock, ...options });
  for (let line = 0; line < count; line++) {
    await file.append(bytes(`line ${String(line).padStart(4, "0")}\n`));
    await clock.advance(1000);
  }
  await file.close();
  return (await readdir(directory)).sort();
}

test("a log is put aside under its time when it is full, and goes on after a restart", async () => {
  await inDirectory(async (directory) => {
    const names = await writeLines(directory, 5);
    assert.equal(names.length, 3);
    for (const name of names) assert.match(name, /^audit(-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})?\.log$/);
    assert.equal(await readFile(join(directory, "audit.log"), "utf8"), "line 0004\n");
    await writeLines(directory, 1);
    assert.equal(await readFile(join(directory, "audit.log"), "utf8"), "line 0004\nline 0000\n");
  });
});

test("only so many logs are kept", async () => {
  await inDirectory(async (directory) => {
    const names = await writeLines(directory, 9, { maxBackups: 2 });
    assert.equal(names.length, 3);
    assert.equal(await readFile(join(directory, names[0] ?? ""), "utf8"), "line 0004\nline 0005\n");
  });
});

test("logs are kept for so long, and may be compressed", async () => {
  await inDirectory(async (directory) => {
    const clock = new VirtualClock();
    const options = { clock, maxAgeMs: 2 * dayMs, compress: true };
    const file = new RotatingFile({ path: join(directory, "audit.log"), maxBytes: 4, ...options });
    for (const line of ["one\n", "two\n", "three\n", "four\n"]) {
      await file.append(bytes(line));
      await clock.advance(1.5 * dayMs);
    }
    await file.close();
    const backups = (await readdir(directory)).filter((name) => name.endsWith(".gz")).sort();
    const held = await Promise.all(backups.map((name) => readFile(join(directory, name))));
    assert.deepEqual(
      held.map((packed) => gunzipSync(packed).toString()),
      ["two\n", "three\n"],
    );
  });
});

/** A log whose first write waits, in a mode that lets requests wait. */
function startBlocking({
  isStrict,
  failing = false,
}: {
  readonly isStrict: boolean;
  readonly failing?: boolean;
}) {
  const writes: string[] = [];
  const told: number[] = [];
  const gate = Promise.withResolvers<void>();
  const sink = logSink({
    target: {
      async append(lines) {
        writes.push(new TextDecoder().decode(lines));
        await gate.promise;
        if (failing) throw new Error("no space left");
      },
      async close() {},
    },
    format: "json",
  });
  const failed = (_: unknown, events: number) => void told.push(events);
  const backend = blockingBackend({ sink, isStrict, failed, clock: new VirtualClock() });
  return { backend, writes, told, release: () => gate.resolve() };
}

test("requests wait for the write of their events; those that wait at the same time share the next one", async () => {
  const { backend, writes, release } = startBlocking({ isStrict: false });
  const line = formatEvent(event, "json");
  const first = [backend.process(event), backend.process(event)];
  await Promise.resolve();
  const second = [backend.process(event), backend.process(event), backend.process(event)];
  let isKept = false;
  void first[0]?.then(() => {
    isKept = true;
  });
  await new Promise(setImmediate);
  assert.equal(isKept, false);
  release();
  assert.deepEqual(await Promise.all([...first, ...second]), [true, true, true, true, true]);
  assert.deepEqual(writes, [line.repeat(2), line.repeat(3)]);
  await backend.close();
});

for (const { name, isStrict, want } of [
  { name: "does not matter to requests", isStrict: false, want: true },
  { name: "matters where the mode is strict", isStrict: true, want: false },
]) {
  test(`an event that cannot be written is told, and ${name}`, async () => {
    const { backend, told, release } = startBlocking({ isStrict, failing: true });
    release();
    assert.equal(await backend.process(event), want);
    assert.deepEqual(told, [1]);
    await backend.close();
  });
}

test("what is too large loses its bodies", async () => {
  const seen: AuditEvent[] = [];
  const lost: AuditEvent[] = [];
  const inner = { process: (each: AuditEvent) => void seen.push(each), async close() {} };
  const backend = truncatingBackend(inner, { maxEventBytes: 500, lost: (each) => void lost.push(each) });
  await backend.process(event);
  await backend.process({ ...event, requestObject: "x".repeat(500) });
  await backend.process({ ...event, requestURI: "x".repeat(500) });
  assert.deepEqual(seen, [event, { ...event, annotations: { "audit.k8s.io/truncated": "true" } }]);
  assert.equal(lost.length, 1);
});

function startWebhook(limits = webhookBatchLimits) {
  const clock = new VirtualClock();
  const batches: number[] = [];
  let failures = 0;
  const sink = webhookSink({
    async post(list) {
      if (failures-- > 0) throw new Error("not now");
      batches.push((list as { items: unknown[] }).items.length);
    },
    async close() {},
    clock,
    random: seededRandom(1),
  });
  const lost: string[] = [];
  const failed = (error: unknown, events: number) => void lost.push(`${events}: ${String(error)}`);
  const backend = bufferedBackend({ sink, limits, failed, clock });
  const send = (count: number) => {
    for (let index = 0; index < count; index++) void backend.process(event);
  };
  const setFailures = (count: number) => {
    failures = count;
  };
  return { clock, batches, backend, send, fail: setFailures, lost };
}

test("a webhook gets what has come when its wait is over, and a full batch at once", async () => {
  const { clock, batches, backend, send } = startWebhook();
  send(3);
  await clock.advance(29_999);
  assert.deepEqual(batches, []);
  await clock.advance(1);
  assert.deepEqual(batches, [3]);
  send(401);
  await clock.settle();
  assert.deepEqual(batches, [3, 400]);
  await backend.close();
  assert.deepEqual(batches, [3, 400, 1]);
  assert.equal(clock.pendingTimers, 0);
});

test("a webhook that fails is tried again; events beyond the buffer are lost", async () => {
  const { clock, batches, backend, send, fail, lost } = startWebhook({
    ...webhookBatchLimits,
    bufferSize: 5,
  });
  fail(2);
  send(9);
  await clock.advance(30_000);
  assert.deepEqual(batches, []);
  await clock.advance(60_000);
  assert.deepEqual(batches, [5]);
  assert.deepEqual(lost, ["4: Error: audit buffer queue blocked"]);
  await backend.close();
});

test("batches come no faster than the throttle lets them", async () => {
  const throttle = { perSecond: 1, burst: 1 };
  const { clock, batches, backend, send } = startWebhook({
    ...webhookBatchLimits,
    maxBatchSize: 1,
    throttle,
  });
  send(3);
  await clock.settle();
  assert.equal(batches.length, 1);
  await clock.advance(1000);
  assert.equal(batches.length, 2);
  await clock.advance(1000);
  assert.equal(batches.length, 3);
  await backend.close();
});
