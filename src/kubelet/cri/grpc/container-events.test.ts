import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { CriError } from "../cri-error.ts";
import type { Container, ContainerEvent, ContainerRuntime } from "../runtime.ts";
import type { GrpcChannel } from "./channel.ts";
import { containerEventStream } from "./container-events.ts";
import { containerRecordEvent, taskEvent, taskExitEvent } from "./event-messages.ts";
import { encode } from "./protobuf.ts";

/** What a fake runtime's stream gives: messages until it ends, or an error. */
type Script = readonly (object | Error)[];

const listed = (state: Container["state"]): Container => ({
  id: "c1",
  podSandboxId: "s1",
  metadata: { name: "main", attempt: 0 },
  image: "",
  imageRef: "",
  imageId: "",
  state,
  createdAtMs: 0,
  labels: {},
  annotations: {},
});

/** A runtime whose streams play scripts, one after the other, and then stay silent. */
function fakeRuntime(scripts: { readonly cri: readonly Script[]; readonly containerd?: readonly Script[] }) {
  const left = { cri: [...scripts.cri], containerd: [...(scripts.containerd ?? [])] };
  const calls: string[] = [];
  let states: Container["state"][] = ["running"];
  const channel: Pick<GrpcChannel, "serverStream"> = {
    async *serverStream(method, _types, _request, { signal }) {
      const kind = method.includes("containerd") ? "containerd" : "cri";
      calls.push(kind);
      const script = left[kind].shift();
      for (const step of script ?? []) {
        if (step instanceof Error) throw step;
        yield step as never; // the script plays this method's messages
      }
      if (script !== undefined) return;
      await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  const runtime: Pick<ContainerRuntime, "listContainers" | "listPodSandboxes"> = {
    listContainers: async () => {
      const [state] = states;
      if (states.length > 1) states = states.slice(1);
      return state === undefined ? [] : [listed(state)];
    },
    listPodSandboxes: async () => [],
  };
  return {
    channel: channel as GrpcChannel, // the stream asks for nothing else
    runtime,
    calls,
    /** What the following listings show, the last one for good. */
    show: (...next: Container["state"][]) => {
      states = next;
    },
  };
}

async function collect(fake: ReturnType<typeof fakeRuntime>, count: number) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const events: ContainerEvent[] = [];
  let readyCount = 0;
  const done = (async () => {
    const stream = containerEventStream(
      { ...fake, clock, random: seededRandom(1) },
      {
        signal: stop.signal,
        onReady: () => {
          readyCount++;
        },
      },
    );
    for await (const event of stream) if (events.push(event) === count) break;
  })();
  await clock.advanceUntil(() => events.length === count);
  stop.abort();
  await done;
  return { events, clock, readyCount };
}

const envelope = (topic: string, value: Uint8Array) => ({
  timestamp: { seconds: 100, nanos: 500_000 },
  namespace: "k8s.io",
  topic,
  event: { typeUrl: "", value },
});
const exit = envelope("/tasks/exit", encode(taskExitEvent, { containerId: "c1", id: "c1" }));
const unimplemented = new CriError("Unimplemented", "unknown method GetContainerEvents");

test("container events are CRI's own where the runtime has them", async () => {
  const message = { containerId: "c1", type: "stopped", createdAt: 5e6, podSandboxStatus: { id: "s1" } };
  const { events } = await collect(fakeRuntime({ cri: [[message]] }), 1);
  assert.deepEqual(events, [{ type: "stopped", containerId: "c1", podSandboxId: "s1", atMs: 5 }]);
});

test("container events are containerd's where the runtime has not got CRI's", async () => {
  const messages = [
    envelope("/containers/create", encode(containerRecordEvent, { id: "c1" })),
    envelope("/tasks/start", encode(taskEvent, { containerId: "c1" })),
    envelope("/tasks/exit", encode(taskExitEvent, { containerId: "c1", id: "an exec probe's own" })),
    exit,
    envelope("/containers/delete", encode(containerRecordEvent, { id: "c1" })),
  ];
  const fake = fakeRuntime({ cri: [[unimplemented]], containerd: [messages] });
  fake.show("exited");
  const { events } = await collect(fake, 4);
  assert.deepEqual(events.map(({ type, podSandboxId }) => [type, podSandboxId]).sort(), [
    ["created", "s1"],
    ["deleted", "s1"],
    ["started", "s1"],
    ["stopped", "s1"],
  ]);
  assert.equal(events[0]?.atMs, 100_000.5);
});

test("an exit is told only once the runtime lists it", async () => {
  const fake = fakeRuntime({ cri: [[unimplemented]], containerd: [[exit]] });
  fake.show("running", "running", "running", "running", "exited");
  const { events, clock } = await collect(fake, 1);
  assert.equal(events[0]?.type, "stopped");
  const waitedMs = clock.now() - new VirtualClock().now();
  assert.ok(waitedMs > 0 && waitedMs < 50, `${waitedMs} ms`);
});

test("an exit that the runtime never lists is told all the same, in time", async () => {
  const fake = fakeRuntime({ cri: [[unimplemented]], containerd: [[exit]] });
  const { events, clock } = await collect(fake, 1);
  assert.equal(events[0]?.type, "stopped");
  assert.ok(clock.now() - new VirtualClock().now() < 200);
});

test("a stream that is lost is taken up again, and says that events may be missing", async () => {
  const lost = new CriError("Unavailable", "connection reset");
  const message = { containerId: "c1", type: "stopped", createdAt: 5e6, podSandboxStatus: { id: "s1" } };
  const fake = fakeRuntime({ cri: [[message, lost], [lost], [message]] });
  const { readyCount, clock } = await collect(fake, 2);
  assert.equal(fake.calls.length, 3);
  assert.ok(readyCount >= 2);
  assert.ok(clock.now() - new VirtualClock().now() >= 50, "with a pause between the attempts");
});
