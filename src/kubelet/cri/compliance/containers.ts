import assert from "node:assert/strict";
import { CriError } from "../cri-error.ts";
import { type Check, withCode } from "./fixture.ts";

/** A container's life. */
export function containerChecks(check: Check): void {
  check("a container is created, then runs, then has exited with its code", async (fixture) => {
    const { runtime } = fixture;
    const pod = await fixture.sandbox();
    const id = await fixture.create(pod, ["sh", "-c", "sleep 0.3; exit 3"]);
    assert.equal((await runtime.containerStatus(id)).state, "created");
    await runtime.startContainer(id);
    const running = await runtime.containerStatus(id);
    assert.equal(running.state, "running");
    assert.ok(running.startedAtMs >= running.createdAtMs && running.createdAtMs > 0);
    const exited = await fixture.exited(id);
    assert.deepEqual([exited.exitCode, exited.reason], [3, "Error"]);
    assert.ok(exited.finishedAtMs >= running.startedAtMs);
  });

  check(
    "a container that succeeds is Completed, and its status keeps what it was made with",
    async (fixture) => {
      const { runtime, shellImage } = fixture;
      const pod = await fixture.sandbox();
      const id = await fixture.run(pod, ["true"], { labels: { role: "job" }, annotations: { note: "kept" } });
      const status = await fixture.exited(id);
      assert.deepEqual([status.exitCode, status.reason], [0, "Completed"]);
      assert.deepEqual([status.labels, status.annotations], [{ role: "job" }, { note: "kept" }]);
      const [listed] = await runtime.listContainers({
        podSandboxId: pod.podSandboxId,
        labels: { role: "job" },
      });
      assert.equal(listed?.id, id);
      assert.equal(listed?.podSandboxId, pod.podSandboxId);
      assert.match(listed?.image ?? "", new RegExp(shellImage.split("/").at(-1) ?? ""));
      assert.deepEqual(
        await runtime.listContainers({ podSandboxId: pod.podSandboxId, state: "running" }),
        [],
      );
    },
  );

  check("a container of an image that is not there cannot be created", async (fixture) => {
    const pod = await fixture.sandbox();
    await assert.rejects(fixture.create(pod, ["true"], { image: fixture.unknownImage }), CriError);
  });
}

/** How a container ends when it is told to. */
export function stoppingChecks(check: Check): void {
  check("a container whose stop signal is ignored is killed after its grace period", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sh", "-c", "trap '' TERM; sleep 3600"]);
    await fixture.wait(50); // the shell gets to its trap
    await fixture.waiting(fixture.runtime.stopContainer(id, 1));
    const status = await fixture.runtime.containerStatus(id);
    assert.deepEqual([status.state, status.exitCode], ["exited", 137]);
    await fixture.runtime.stopContainer(id, 1);
  });

  check("a container that heeds its stop signal ends before its grace period", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    await fixture.wait(50); // the program gets to its handlers
    await fixture.waiting(fixture.runtime.stopContainer(id, 3600));
    assert.equal((await fixture.runtime.containerStatus(id)).exitCode, 143);
  });

  check("stopping a sandbox stops its containers, removing it removes them", async (fixture) => {
    const { runtime } = fixture;
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    await fixture.waiting(runtime.stopPodSandbox(pod.podSandboxId));
    assert.equal((await runtime.containerStatus(id)).state, "exited");
    await runtime.removePodSandbox(pod.podSandboxId);
    await assert.rejects(runtime.containerStatus(id), withCode("NotFound"));
  });

  check("a running container can be removed", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    await fixture.waiting(fixture.runtime.removeContainer(id));
    assert.deepEqual(await fixture.runtime.listContainers({ id }), []);
  });
}
