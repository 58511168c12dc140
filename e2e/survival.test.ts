import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { configMaps } from "../src/api/resources.generated.ts";
import { connect } from "../src/client/transport/connect.ts";
import { isRunning, readState } from "../src/cmd/data-directory.ts";
import { eventually, must, RealCluster, skipReason } from "./test-support/cluster.ts";

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly conditions: readonly {
        readonly type: string;
        readonly status: string;
        readonly lastTransitionTime: string;
      }[];
      readonly containerStatuses: readonly { readonly containerID: string; readonly restartCount: number }[];
    };
  }[];
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: steady}
spec:
  replicas: 4
  selector: {matchLabels: {app: steady}}
  template:
    metadata: {labels: {app: steady}}
    spec:
      containers:
      - name: web
        image: k8ts.local/nginx:1
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
`;

/** Writes config maps without pause until the signal aborts; what was acknowledged is remembered. */
async function writeUntil(kubeconfig: string, signal: AbortSignal, acknowledged: string[]): Promise<void> {
  const { client } = await connect({ kubeconfig });
  const lane = async (number: number) => {
    for (let count = 0; !signal.aborted; count++) {
      const name = `written-${number}-${count}`;
      try {
        await client.create(
          configMaps,
          {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name, namespace: "default" },
            data: { value: String(count) },
          },
          { signal },
        );
        acknowledged.push(name);
      } catch {
        // The server was killed under it: not acknowledged, so nothing is promised.
        if (!signal.aborted) await delay(10);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, number) => lane(number)));
}

describe("kill -9 of k8ts while pods run and writes go on", { skip: skipReason }, () => {
  let cluster: RealCluster;
  const containers = async () => {
    const { items } = await cluster.json<PodList>("get", "pods", "-l", "app=steady");
    return items
      .flatMap(({ metadata, status }) =>
        status.containerStatuses.map(
          ({ containerID, restartCount }) => `${metadata.name} ${containerID} ${restartCount}`,
        ),
      )
      .sort();
  };
  const readySince = async () => {
    const { items } = await cluster.json<PodList>("get", "pods", "-l", "app=steady");
    return items
      .map(({ status }) => status.conditions.find(({ type }) => type === "Ready"))
      .map((ready) => `${ready?.status} ${ready?.lastTransitionTime}`)
      .sort();
  };

  before(async () => {
    cluster = await RealCluster.start({ nodes: 2 });
    const applied = await cluster.kubectlWith({ input: deployment }, "apply", "-f", "-");
    assert.equal(applied.code, 0, applied.stderr);
    await cluster.kubectl("rollout", "status", "deployment/steady", "--timeout=4m");
  });
  after(() => cluster[Symbol.asyncDispose]());

  test("the restart brings all back: nothing acknowledged is lost, no container was restarted", async () => {
    const containersBefore = await containers();
    assert.equal(containersBefore.length, 4);
    const readyBefore = await readySince();
    for (let round = 0; round < 2; round++) {
      const acknowledged: string[] = [];
      const stop = new AbortController();
      const state = await readState(cluster.directory);
      assert.ok(state);
      const writing = writeUntil(cluster.kubeconfig, stop.signal, acknowledged);
      await eventually(
        "many writes",
        async () => acknowledged.length,
        (count) => count > 200,
      );
      process.kill(state.pid, "SIGKILL");
      await eventually(
        "the end of the process",
        () => isRunning(state),
        (runs) => !runs,
      );
      stop.abort();
      await writing;
      await cluster.up();
      const { items } = await cluster.json<{
        readonly items: readonly { readonly metadata: { readonly name: string } }[];
      }>("get", "configmaps");
      const present = new Set(items.map(({ metadata }) => metadata.name));
      const lost = acknowledged.filter((name) => !present.has(name));
      assert.deepEqual(lost, []);
      await cluster.kubectl("delete", "configmaps", "--all", "--wait=false");
    }
    assert.deepEqual(await containers(), containersBefore);
    assert.deepEqual(await readySince(), readyBefore, "readiness was taken back");
  });

  test("afterwards the cluster works on: a killed container is restarted, a deployment scales", async () => {
    const pods = await cluster.json<PodList>("get", "pods", "-l", "app=steady");
    const victim = pods.items[0]?.metadata.name ?? "";
    // Who kills its own container may or may not see its own end.
    await cluster.kubectlWith({}, "exec", victim, "--", "sh", "-c", "kill 1");
    await eventually("the restart", containers, (list) =>
      list.some((line) => line.startsWith(victim) && line.endsWith(" 1")),
    );
    await cluster.kubectl("scale", "deployment/steady", "--replicas=6");
    await cluster.kubectl("rollout", "status", "deployment/steady", "--timeout=4m");
    assert.equal((await containers()).length, 6);
  });

  test("kill -9 of containerd: it is started again, its containers never stopped, new pods start", async () => {
    const before = await containers();
    // A child that is about to become a shim looks like its daemon for a moment.
    const daemons = await eventually(
      "a daemon a node",
      async () =>
        (await must("pgrep", ["-f", `containerd --config ${cluster.directory}/`])).trim().split("\n"),
      ({ length }) => length === 2,
    );
    for (const pid of daemons) process.kill(Number(pid), "SIGKILL");
    await cluster.kubectl("scale", "deployment/steady", "--replicas=8");
    await cluster.kubectl("rollout", "status", "deployment/steady", "--timeout=4m");
    const now = await containers();
    assert.deepEqual(
      before.filter((line) => !now.includes(line)),
      [],
    );
    assert.equal(now.length, 8);
  });
});
