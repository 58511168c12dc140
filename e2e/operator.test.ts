import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { eventually, repository, simulatedCluster } from "./test-support/cluster.ts";

/** examples/operator as its users run it: two replicas as processes, against a cluster that `k8ts up` started. */
describe("The example operator", () => {
  const replicas = new Map<string, ChildProcess>();
  after(async () => {
    for (const name of [...replicas.keys()]) await endReplica(name, "SIGKILL");
  });
  const cluster = simulatedCluster({ nodes: 1 });

  const kubectl = (...words: string[]) => cluster().kubectl(...words);
  const field = (resource: string, path: string) => kubectl("get", resource, "-o", `jsonpath=${path}`);
  const leader = async () => {
    const asked = ["get", "lease", "website-operator", "-o", "jsonpath={.spec.holderIdentity}"];
    const { stdout } = await cluster().kubectlOf(asked);
    return stdout.split("_")[0] ?? "";
  };

  function startReplica(name: string): void {
    const main = join(repository, "examples/operator/main.ts");
    const child = spawn(process.execPath, ["--conditions=k8ts-source", main], {
      env: { ...process.env, KUBECONFIG: cluster().kubeconfig, HOSTNAME: name, PORT: "0" },
      stdio: ["ignore", "ignore", "inherit"],
    });
    replicas.set(name, child);
  }

  async function endReplica(name: string, signal: NodeJS.Signals): Promise<number | null> {
    const child = replicas.get(name);
    replicas.delete(name);
    if (child === undefined) return null;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    return child.exitCode;
  }

  test("makes what a custom resource owns, survives the death of its leader, and cleans up after a deletion", async () => {
    startReplica("first");
    await eventually("the first replica leads", leader, (name) => name === "first");
    startReplica("second");
    await eventually(
      "its kind is served",
      () => cluster().kubectlOf(["get", "websites"]),
      ({ code }) => code === 0,
    );
    await kubectl("apply", "-f", join(repository, "examples/operator/website.yaml"));
    const ready = () => field("website/hello", '{.status.conditions[?(@.type=="Ready")].status}');
    await eventually("the website is ready", ready, (status) => status === "True");
    assert.equal(await field("deployment/hello", "{.status.readyReplicas}"), "2");
    assert.equal(await field("service/hello", "{.spec.ports[0].port}"), "80");
    assert.match(
      await kubectl("get", "websites"),
      /NAME +READY +REPLICAS +ADDRESS\nhello +True +2 +hello\.default\.svc/,
    );

    await endReplica("first", "SIGKILL");
    await kubectl("delete", "service", "hello");
    await kubectl("patch", "website", "hello", "--type=merge", "-p", '{"spec":{"replicas":3}}');
    await eventually("the second replica leads", leader, (name) => name === "second");
    await eventually(
      "the change is carried out",
      () => field("website/hello", "{.status.readyReplicas}"),
      (n) => n === "3",
    );
    assert.equal(await field("service/hello", "{.spec.ports[0].port}"), "80");

    assert.equal(await field("configmap/websites", "{.data.hello}"), "hello.default.svc");
    await kubectl("delete", "website", "hello", "--timeout=4m");
    assert.equal(await field("configmap/websites", "{.data.hello}"), "");
    const left = () => kubectl("get", "deployments,services", "-l", "website!=none", "-o", "name");
    await eventually("what it owned is gone", left, (names) => !names.includes("hello"));

    assert.equal(await endReplica("second", "SIGTERM"), 0);
    assert.equal(await leader(), "", "who stops gives the lease up");
  });
});
