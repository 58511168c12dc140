import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { ContainerEvent, ContainerRuntime } from "./cri/runtime.ts";
import { createSimRuntime } from "./cri/sim/sim-runtime.ts";
import { Pleg } from "./pleg-loop.ts";
import { runtimeLabels } from "./runtime-pod.ts";

const metadata = { name: "p", uid: "u", namespace: "n", attempt: 0 };
const labels = { [runtimeLabels.podUid]: "u" };

for (const { name, tells } of [
  { name: "tell of sandbox and container", tells: (event: ContainerEvent) => event },
  {
    name: "tell of the container alone",
    tells: ({ podSandboxId: _, ...event }: ContainerEvent): ContainerEvent => event,
  },
]) {
  test(`PLEG: a container's end is known at once from events that ${name}`, async () => {
    const clock = new VirtualClock();
    const sim = createSimRuntime({ clock, random: seededRandom(1), behavior: () => ({ exitAfterMs: 3000 }) });
    let lists = 0;
    const runtime: ContainerRuntime = new Proxy(sim.runtime, {
      get(target, property: keyof ContainerRuntime) {
        if (property === "events") {
          return async function* events(options: Parameters<ContainerRuntime["events"]>[0]) {
            for await (const event of target.events(options)) yield tells(event);
          };
        }
        const value = target[property];
        return (...all: never[]) => {
          if (property === "listContainers" && all[0] === undefined) lists++;
          return (value as (...all: never[]) => unknown).apply(target, all);
        };
      },
    });
    const changes: number[] = [];
    const changed = (uid: string) => {
      assert.equal(uid, "u");
      changes.push(clock.now());
    };
    const pleg = new Pleg({ runtime, clock, logger: silentLogger, changed, listed: () => undefined });
    const stop = new AbortController();
    const running = pleg.run(stop.signal);
    await clock.advance(5000);
    const listsBefore = lists;
    const started = (async () => {
      const sandbox = await runtime.runPodSandbox({ metadata, labels });
      await sim.images.pullImage("app:1");
      const config = { metadata: { name: "c", attempt: 0 }, image: "app:1", labels };
      const id = await runtime.createContainer(sandbox, config, { metadata, labels });
      await runtime.startContainer(id);
      return clock.now();
    })();
    await clock.advance(2000);
    const startedAtMs = await started;
    await clock.advance(3000);
    assert.ok(changes.includes(startedAtMs + 3000));
    assert.equal(lists, listsBefore, "nothing was listed as a whole");
    stop.abort();
    await clock.advance(1000);
    await running;
    await sim.close();
  });
}

test("PLEG: an end announced before the runtime's lists agree is told again when they do", async () => {
  const clock = new VirtualClock();
  const sim = createSimRuntime({ clock, random: seededRandom(1), behavior: () => ({ exitAfterMs: 3000 }) });
  let early: ((event: ContainerEvent) => void) | undefined;
  const runtime: ContainerRuntime = new Proxy(sim.runtime, {
    get(target, property: keyof ContainerRuntime) {
      if (property !== "events") return (target[property] as () => unknown).bind(target);
      return async function* events({ onReady }: Parameters<ContainerRuntime["events"]>[0]) {
        onReady?.();
        yield await new Promise<ContainerEvent>((resolve) => {
          early = resolve;
        });
        await new Promise(() => undefined);
      };
    },
  });
  const changes: number[] = [];
  const changed = () => changes.push(clock.now());
  const pleg = new Pleg({ runtime, clock, logger: silentLogger, changed, listed: () => undefined });
  const made = (async () => {
    const sandbox = await runtime.runPodSandbox({ metadata, labels });
    await sim.images.pullImage("app:1");
    const config = { metadata: { name: "c", attempt: 0 }, image: "app:1", labels };
    const id = await runtime.createContainer(sandbox, config, { metadata, labels });
    await runtime.startContainer(id);
    return { id, startedAtMs: clock.now() };
  })();
  await clock.advance(2000);
  const { id, startedAtMs } = await made;
  const stop = new AbortController();
  void pleg.run(stop.signal);
  await clock.advance(10);
  changes.length = 0;
  early?.({ type: "stopped", containerId: id, atMs: clock.now() });
  await clock.advance(5000);
  const late = (changes.at(-1) ?? 0) - (startedAtMs + 3000);
  assert.ok(late >= 0 && late < 2000, `told ${late} ms after the end`);
  stop.abort();
  await clock.advance(1000);
  await sim.close();
});
