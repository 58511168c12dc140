import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { CriError } from "../cri-error.ts";
import type { ContainerEvent } from "../runtime.ts";
import { behaviorAnnotation, type ContainerBehavior } from "./behavior.ts";
import { runProgram } from "./program.ts";
import { createSimRuntime, type SimRuntimeOptions } from "./sim-runtime.ts";

const image = "k8ts.local/busybox:1";

function simulation(options: Partial<SimRuntimeOptions> = {}) {
  const clock = new VirtualClock();
  const sim = createSimRuntime({ clock, random: seededRandom(7), images: [image], ...options });
  /** What the call gives, once as much virtual time as it needs has passed. */
  const settle = async <T>(call: Promise<T>): Promise<T> => {
    let done = false;
    const settled = call.finally(() => {
      done = true;
    });
    settled.catch(() => {}); // told below
    await clock.advanceUntil(() => done);
    return settled;
  };
  const runPod = async (name: string, command: readonly string[] = [], behavior?: ContainerBehavior) => {
    const config = {
      metadata: { name, uid: name, namespace: "default", attempt: 0 },
      logDirectory: `/logs/${name}`,
      annotations: behavior === undefined ? {} : { [behaviorAnnotation]: JSON.stringify({ main: behavior }) },
    };
    const sandbox = await settle(sim.runtime.runPodSandbox(config));
    const container = { metadata: { name: "main", attempt: 0 }, image, command, logPath: "main/0.log" };
    const id = await settle(sim.runtime.createContainer(sandbox, container, config));
    const started = settle(sim.runtime.startContainer(id));
    return { sandbox, id, started };
  };
  return { ...sim, clock, settle, runPod };
}

test("a simulated pod takes as long to start as containerd does", async () => {
  const { clock, runPod } = simulation();
  const beganMs = clock.now();
  const { started } = await runPod("web");
  await started;
  assert.equal(clock.now() - beganMs, 73 + 6 + 53);
});

for (const { name, behavior, want } of [
  {
    name: "ends after its time with its code",
    behavior: { exitAfterMs: 5000, exitCode: 2 },
    want: [2, "Error"],
  },
  {
    name: "is killed for its memory",
    behavior: { exitAfterMs: 5000, exitCode: 137, exitReason: "OOMKilled" },
    want: [137, "OOMKilled"],
  },
  { name: "completes", behavior: { exitAfterMs: 5000 }, want: [0, "Completed"] },
]) {
  test(`a simulated container ${name}`, async () => {
    const { clock, runtime, runPod } = simulation();
    const { id, started } = await runPod("job", ["server"], behavior);
    await started;
    await clock.advance(4999);
    assert.equal((await runtime.containerStatus(id)).state, "running");
    await clock.advance(1);
    const status = await runtime.containerStatus(id);
    assert.deepEqual([status.exitCode, status.reason], want);
    assert.equal(clock.pendingTimers, 0);
  });
}

test("a simulated container that cannot start says why", async () => {
  const { runtime, runPod } = simulation();
  const { id, started } = await runPod("broken", [], { startError: "exec: no such file or directory" });
  await assert.rejects(started, { code: "Unknown", message: "exec: no such file or directory" });
  const status = await runtime.containerStatus(id);
  assert.deepEqual([status.state, status.exitCode, status.reason], ["exited", 128, "StartError"]);
});

test("a simulated container answers probes between its declared times", async () => {
  const { clock, runtime, runPod, answers } = simulation();
  const { sandbox, id, started } = await runPod("web", ["server"], {
    readyAfterMs: 3000,
    unreadyAfterMs: 9000,
  });
  await started;
  const { ips } = await runtime.podSandboxStatus(sandbox);
  const check = async () => [answers(ips[0] ?? ""), (await runtime.execSync(id, ["check"], 1)).exitCode];
  assert.deepEqual(await check(), [false, 1]);
  await clock.advance(3000);
  assert.deepEqual(await check(), [true, 0]);
  await clock.advance(6000);
  assert.deepEqual(await check(), [false, 1]);
});

test("a simulated container that is slow to stop is killed at the end of its grace period", async () => {
  const { clock, runtime, runPod, settle } = simulation();
  const { id, started } = await runPod("slow", ["server"], { stopDelayMs: 60_000 });
  await started;
  const beganMs = clock.now();
  await settle(runtime.stopContainer(id, 30));
  assert.equal(clock.now() - beganMs, 30_000);
  assert.equal((await runtime.containerStatus(id)).exitCode, 137);
});

test("a simulated pull takes its declared time and fails as declared", async () => {
  const { clock, images, settle } = simulation({
    pullBehavior: (name) =>
      name.includes("bad") ? { delayMs: 100, error: "manifest unknown" } : { delayMs: 2000 },
  });
  const beganMs = clock.now();
  await settle(images.pullImage("example.com/good:1"));
  assert.equal(clock.now() - beganMs, 2000);
  await assert.rejects(settle(images.pullImage("example.com/bad:1")), {
    reason: "ErrImagePull",
    message: /manifest/,
  });
  await assert.rejects(images.pullImage("Not A Name"), { reason: "InvalidImageName" });
});

test("a simulated runtime fails the calls that it is told to", async () => {
  let broken = true;
  const { runtime } = simulation({
    fault: (method) => (broken && method === "Status" ? new CriError("Unavailable", "down") : undefined),
  });
  await assert.rejects(runtime.status(), { code: "Unavailable" });
  broken = false;
  await runtime.status();
});

test("a container that is killed from outside is told as an event", async () => {
  const { runtime, runPod, kill } = simulation();
  const { id, started } = await runPod("victim");
  await started;
  const stop = new AbortController();
  const seen: ContainerEvent[] = [];
  const listening = (async () => {
    for await (const event of runtime.events({ signal: stop.signal })) {
      seen.push(event);
      stop.abort();
    }
  })();
  await Promise.resolve();
  kill(id, { exitCode: 137, reason: "OOMKilled" });
  await listening;
  assert.deepEqual(
    seen.map(({ type, containerId }) => [type, containerId]),
    [["stopped", id]],
  );
});

test("a subscriber that lags behind is told to list again instead of holding events without end", async () => {
  const { runtime, runPod, kill } = simulation({
    latencies: { runPodSandboxMs: 0, createContainerMs: 0, startContainerMs: 0 },
  });
  const stop = new AbortController();
  let readyCount = 0;
  const onReady = () => {
    readyCount++;
  };
  const events = runtime.events({ signal: stop.signal, onReady })[Symbol.asyncIterator]();
  const first = events.next();
  for (let pod = 0; pod < 900; pod++) {
    const { id, started } = await runPod(`pod-${pod}`);
    await started;
    kill(id, { exitCode: 1 });
  }
  await first;
  await events.next();
  assert.equal(readyCount, 2);
  stop.abort();
});

test("five thousand simulated pods start in little time", async () => {
  const { clock, runtime, runPod } = simulation({ podCidr: "10.0.0.0/16" });
  const usedBefore = process.cpuUsage();
  const pods = Promise.all(Array.from({ length: 5000 }, (_, index) => launch(index)));
  async function launch(index: number) {
    const config = { metadata: { name: `pod-${index}`, uid: `${index}`, namespace: "default", attempt: 0 } };
    const sandbox = await runtime.runPodSandbox(config);
    const container = { metadata: { name: "main", attempt: 0 }, image };
    await runtime.startContainer(await runtime.createContainer(sandbox, container, config));
  }
  await clock.advance(1000);
  await pods;
  assert.equal((await runtime.listContainers({ state: "running" })).length, 5000);
  const { user, system } = process.cpuUsage(usedBefore);
  assert.ok((user + system) / 1000 < 10_000);
  assert.ok(runPod);
});

for (const { command, want } of [
  { command: ["true"], want: { exitCode: 0, durationMs: 0 } },
  { command: ["/bin/false"], want: { exitCode: 1, durationMs: 0 } },
  { command: ["sleep", "1.5"], want: { exitCode: 0, durationMs: 1500 } },
  {
    command: ["sh", "-c", "echo a; echo b >&2; exit 3"],
    want: { exitCode: 3, stdout: "a\n", stderr: "b\n" },
  },
  { command: ["sh", "-c", "sleep 2 && echo done"], want: { durationMs: 2000, stdout: "done\n" } },
  { command: ["sh", "-c", "false && echo no || echo yes"], want: { stdout: "yes\n" } },
  { command: ["nginx", "-g", "daemon off;"], want: { durationMs: undefined, stopExitCode: 0 } },
  { command: ["sh", "-c", "trap '' TERM; sleep 60"], want: { durationMs: 60_000, stopExitCode: undefined } },
]) {
  test(`a simulated program: ${command.join(" ")}`, () => {
    assert.partialDeepStrictEqual(runProgram(command), want);
  });
}
