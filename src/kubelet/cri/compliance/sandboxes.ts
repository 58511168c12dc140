import assert from "node:assert/strict";
import { type Check, withCode } from "./fixture.ts";

/** Pod sandboxes, and the runtime itself. */
export function sandboxChecks(check: Check): void {
  check("tells its version and that it is ready", async ({ runtime }) => {
    const { runtimeName, runtimeApiVersion } = await runtime.version();
    assert.ok(runtimeName.length > 0);
    assert.equal(runtimeApiVersion, "v1");
    const { conditions } = await runtime.status();
    assert.equal(conditions.find(({ type }) => type === "RuntimeReady")?.status, true);
  });

  check("runs a sandbox, shows it by its labels and gives it an address", async (fixture) => {
    const { runtime } = fixture;
    const { podSandboxId, config } = await fixture.sandbox();
    const status = await runtime.podSandboxStatus(podSandboxId);
    assert.equal(status.state, "ready");
    assert.deepEqual(status.metadata, config.metadata);
    assert.match(status.ips[0] ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(status.annotations, config.annotations);
    const found = await runtime.listPodSandboxes({ labels: config.labels ?? {} });
    assert.deepEqual(
      found.map(({ id }) => id),
      [podSandboxId],
    );
    assert.deepEqual(await runtime.listPodSandboxes({ labels: { ...config.labels, other: "x" } }), []);
  });

  check("a stopped sandbox is not ready, and stopping and removing are idempotent", async (fixture) => {
    const { runtime } = fixture;
    const { podSandboxId, config } = await fixture.sandbox();
    await runtime.stopPodSandbox(podSandboxId);
    await runtime.stopPodSandbox(podSandboxId);
    assert.equal((await runtime.podSandboxStatus(podSandboxId)).state, "notReady");
    assert.deepEqual(await runtime.listPodSandboxes({ state: "ready", labels: config.labels ?? {} }), []);
    await runtime.removePodSandbox(podSandboxId);
    await runtime.removePodSandbox(podSandboxId);
    await assert.rejects(runtime.podSandboxStatus(podSandboxId), withCode("NotFound"));
  });

  check(
    "an unknown id is told as NotFound where it matters, and is no error to stop or remove",
    async ({ runtime }) => {
      await assert.rejects(runtime.containerStatus("nobody"), withCode("NotFound"));
      await assert.rejects(runtime.startContainer("nobody"), withCode("NotFound"));
      await assert.rejects(runtime.podSandboxStatus("nobody"), withCode("NotFound"));
      await runtime.stopContainer("nobody", 1);
      await runtime.removeContainer("nobody");
      await runtime.stopPodSandbox("nobody");
      await runtime.removePodSandbox("nobody");
      assert.deepEqual(await runtime.listContainers({ id: "nobody" }), []);
    },
  );
}
