import assert from "node:assert/strict";
import type { ContainerEvent } from "../runtime.ts";
import type { Check } from "./fixture.ts";

/** What a runtime tells of its containers: logs, events, statistics. */
export function observationChecks(check: Check): void {
  check("writes what a container says to its log, a line each with its stream", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sh", "-c", "echo out; echo err >&2"]);
    const { logPath } = await fixture.exited(id);
    const lines = await fixture.log(logPath, 2);
    assert.deepEqual(
      lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) /, "")).sort(),
      ["stderr F err", "stdout F out"],
    );
  });

  check("tells events as they happen, in agreement with what it lists then", async (fixture) => {
    const { runtime } = fixture;
    const stop = new AbortController();
    const seen: ContainerEvent[] = [];
    const states: Record<string, string> = {};
    const ready = Promise.withResolvers<void>();
    const listening = (async () => {
      for await (const event of runtime.events({ signal: stop.signal, onReady: ready.resolve })) {
        const [container] = await runtime.listContainers({ id: event.containerId });
        if (container !== undefined) states[event.type] = container.state;
        seen.push(event);
      }
    })();
    await ready.promise;
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sh", "-c", "sleep 0.2"]);
    await fixture.until(() => seen.some(({ type, containerId }) => type === "stopped" && containerId === id));
    assert.equal(states.stopped, "exited");
    assert.deepEqual(
      seen
        .filter(({ containerId }) => containerId === id)
        .map(({ type }) => type)
        .filter((type) => type !== "created"),
      ["started", "stopped"],
    );
    const stopped = seen.find(({ type, containerId }) => type === "stopped" && containerId === id);
    assert.equal(stopped?.podSandboxId, pod.podSandboxId);
    await runtime.removeContainer(id);
    await fixture.until(() => seen.some(({ type, containerId }) => type === "deleted" && containerId === id));
    stop.abort();
    await listening;
  });

  check("updates a container's resources", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"], {
      linux: { resources: { memoryLimitBytes: 64 * 1024 * 1024, cpuShares: 100 } },
    });
    await fixture.runtime.updateContainerResources(id, { memoryLimitBytes: 96 * 1024 * 1024 });
    const { resources } = await fixture.runtime.containerStatus(id);
    assert.equal(resources?.memoryLimitBytes, 96 * 1024 * 1024);
  });

  check("tells the statistics of a running container", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const stats = await fixture.runtime.containerStats(id);
    assert.equal(stats.id, id);
    assert.ok((stats.memory?.workingSetBytes ?? 0) > 0);
    const all = await fixture.runtime.listContainerStats({ podSandboxId: pod.podSandboxId });
    assert.deepEqual(
      all.map((each) => each.id),
      [id],
    );
  });
}
