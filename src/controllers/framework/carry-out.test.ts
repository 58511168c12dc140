import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import { configMaps, deployments, pods } from "../../api/resources.generated.ts";
import { type ApiError, failure, notFound } from "../../apimachinery/api-error.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import { meta, pod } from "../test-support/objects.ts";
import { type CarriedOut, carryOut } from "./carry-out.ts";
import {
  create,
  event,
  type Intent,
  patch,
  remove,
  requeueAfter,
  update,
  updateStatus,
  wake,
} from "./intent.ts";

interface Transcript {
  readonly lines: string[];
  readonly outcome: CarriedOut;
  /** How many calls were under way at once, at most. */
  readonly most: number;
}

/** Carries the intents out against a client that answers after a turn and fails where `fails` says so. */
async function perform(
  intents: readonly Intent[],
  fails: (call: string, count: number) => ApiError | undefined = () => undefined,
): Promise<Transcript> {
  const lines: string[] = [];
  let underway = 0;
  let most = 0;
  let version = 100;
  const call = async <T>(verb: string, object: KubeObject, answer: T): Promise<T> => {
    const line = `${verb} ${object.metadata.name ?? object.metadata.generateName}@${object.metadata.resourceVersion ?? ""}`;
    lines.push(line);
    most = Math.max(most, ++underway);
    await Promise.resolve();
    underway--;
    const error = fails(line, lines.length);
    if (error !== undefined) throw error;
    return answer;
  };
  const written = (object: KubeObject) => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(++version) },
  });
  const client: Partial<Client> = {
    create: (_type, object) => call("create", object, written(object) as typeof object),
    update: (_type, object, options) =>
      call(
        options?.subresource === undefined ? "update" : `update ${options.subresource} of`,
        object,
        written(object) as typeof object,
      ),
    patch: (_type, name) =>
      call("patch", { apiVersion: "", kind: "", metadata: name }, written(pod(name.name)) as never),
    delete: (_type, name, options) =>
      call(
        `delete (${options?.preconditions?.uid})`,
        { apiVersion: "", kind: "", metadata: name },
        {} as never,
      ),
  };
  const outcome = await carryOut(intents, {
    client: client as Client,
    recordEvent: (_, { reason }) => lines.push(`event ${reason}`),
    wake: (key) => lines.push(`wake ${key}`),
    completed: ({ change, object }) => lines.push(`  ${change} ${object.metadata.name ?? ""}`.trimEnd()),
    tolerated: ({ action }) => lines.push(`  tolerated ${action}`),
    signal: new AbortController().signal,
  });
  return { lines: lines.map((line) => line.trimEnd()), outcome, most };
}

const calls = ({ lines }: Transcript) => lines.filter((line) => !line.startsWith("  "));
const make = (name: string) => create(pods, pod(name));
const quota = failure(403, "Forbidden", "exceeded quota");

test("creates go out in batches of 1, 2, 4, …", async () => {
  const transcript = await perform(Array.from({ length: 20 }, (_, index) => make(`p${index}`)));
  assert.equal(calls(transcript).length, 20);
  assert.equal(transcript.most, 8, "1, 2, 4, 8 and the 5 that are left");
  assert.equal(transcript.outcome.writes, 20);
});

test("a batch with a failure is the last: a full quota is asked once", async () => {
  const transcript = await perform(
    Array.from({ length: 20 }, (_, index) => make(`p${index}`)),
    () => quota,
  );
  assert.deepEqual(calls(transcript), ["create p0@1"]);
  assert.equal(transcript.outcome.failure?.error, quota);
});

test("what comes after a failure is left out, but the status is written and says why", async () => {
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: meta("web"), spec: {} } as never;
  const transcript = await perform(
    [
      make("p0"),
      remove(pods, pod("p1")),
      event(pod("p2"), "Normal", "Done", ""),
      updateStatus(
        deployments,
        deployment,
        { replicas: 1 },
        {
          whenFailed: ({ action, error }) => ({
            replicas: 0,
            conditions: [{ type: action, status: error.message }],
          }),
        },
      ),
    ],
    (line) => (line.startsWith("create") ? quota : undefined),
  );
  assert.deepEqual(calls(transcript), ["create p0@1", "update status of web@1"]);
});

test("a second write to an object comes on top of the first", async () => {
  const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: meta("settings") };
  const first = { ...configMap, data: { a: "1" } };
  const second = { ...configMap, data: { a: "1", b: "2" } };
  const transcript = await perform([update(configMaps, configMap, first), update(configMaps, first, second)]);
  assert.deepEqual(calls(transcript), ["update settings@1", "update settings@101"]);
});

test("a write that would change nothing is not sent", async () => {
  const same = pod("same");
  const transcript = await perform([
    update(pods, same, {
      ...same,
      metadata: { ...same.metadata, annotations: undefined as never, finalizers: [] },
    }),
    updateStatus<Pod>(pods, same, { ...same.status }),
  ]);
  assert.deepEqual(transcript.lines, []);
  assert.equal(transcript.outcome.writes, 0);
});

test("a delete names the UID it means, and is done when that object is gone", async () => {
  for (const gone of [
    notFound({ group: "", resource: "pods" }, "p"),
    failure(409, "Conflict", "another UID"),
  ]) {
    const transcript = await perform([remove(pods, pod("p"))], () => gone);
    assert.deepEqual(transcript.lines, ["delete (uid-p) p@", "  deleted p"]);
    assert.equal(transcript.outcome.failure, undefined);
  }
});

test("a delete of what must not have changed is tried again when it has", async () => {
  const conflict = failure(409, "Conflict", "changed");
  const transcript = await perform([remove(pods, pod("p"), { onlyIfUnchanged: true })], () => conflict);
  assert.equal(transcript.outcome.failure?.error, conflict);
});

test("failures named in `ignore` count as done, an optional intent's failure stops nothing", async () => {
  const missing = notFound({ group: "", resource: "pods" }, "p");
  const change = { type: "merge", patch: {} } as const;
  const transcript = await perform(
    [
      patch(pods, pod("a"), change, { ignore: ["NotFound"] }),
      create(pods, pod("b"), { optional: true }),
      update(pods, pod("c"), pod("c", { node: "n1" })),
    ],
    (line) => (line.startsWith("update") ? undefined : missing),
  );
  assert.deepEqual(transcript.lines, [
    "patch a@",
    "create b@1",
    "  tolerated create",
    "update c@1",
    "  written c",
  ]);
  assert.equal(transcript.outcome.failure, undefined);
});

test("deletes of one resource go out together, and events tell how each went", async () => {
  const reported = (name: string) =>
    remove(pods, pod(name), {
      report: {
        regarding: pod("owner"),
        succeeded: () => ({ type: "Normal", reason: `gone-${name}`, message: "" }),
        failed: () => ({ type: "Warning", reason: `stuck-${name}`, message: "" }),
      },
    });
  const transcript = await perform([reported("a"), reported("b")], (line) =>
    line.includes(" b@") ? quota : undefined,
  );
  assert.equal(transcript.most, 2);
  assert.deepEqual(
    transcript.lines.filter((line) => line.startsWith("event")),
    ["event gone-a", "event stuck-b"],
  );
});

test("the earliest requeue counts, and other keys are woken", async () => {
  const { outcome, lines } = await perform([
    requeueAfter(500),
    wake("other"),
    requeueAfter(20),
    requeueAfter(-5),
  ]);
  assert.equal(outcome.requeueAfterMs, 0);
  assert.deepEqual(lines, ["wake other"]);
});
