import assert from "node:assert/strict";
import { test } from "node:test";
import { configMaps, pods } from "../api/resources.generated.ts";
import { startCluster, type TestClusterOptions } from "./index.ts";

const never = () => false;

test("A condition that does not come to hold fails with what the cluster warned of", async () => {
  await using cluster = await startCluster();
  await cluster.client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "large" },
    spec: { containers: [{ name: "a", image: "a", resources: { requests: { cpu: "99" } } }] },
  });
  await assert.rejects(
    cluster.until(never, { timeout: "1m" }),
    /did not hold within 60 s .*\n {2}Pod default\/large: FailedScheduling: 0\/1 nodes are available/,
  );
});

test("A condition may ask for what is not there yet, and fails as itself for anything else", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const name = { namespace: "default", name: "late" };
  const exists = async () => (await cluster.client.get(configMaps, name)).metadata.name === "late";
  await assert.rejects(cluster.until(exists, { timeout: "1s" }), /\n {2}configmaps "late" not found/);
  cluster.clock.setTimer(5000, () => {
    void cluster.client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: name });
  });
  await cluster.until(exists);
  const broken = () => {
    throw new TypeError("of the test's own");
  };
  await assert.rejects(cluster.until(broken), { name: "TypeError", message: "of the test's own" });
});

for (const { name, options, message } of [
  {
    name: "a component that is not there",
    options: { disable: ["schedulr"] },
    message: /"schedulr".*there are scheduler, /,
  },
  {
    name: "less than no node",
    options: { nodes: -1 },
    message: /nodes must be a whole number from 0 on, not -1/,
  },
] satisfies { name: string; options: TestClusterOptions; message: RegExp }[]) {
  test(`Options that cannot be meant are refused: ${name}`, async () => {
    await assert.rejects(startCluster(options), message);
  });
}

test("Time does not go back, and a cluster that is closed stays so", async () => {
  const cluster = await startCluster({ nodes: 0 });
  await assert.rejects(cluster.advance(-1), /time does not go back/);
  await assert.rejects(cluster.advance("10 minutes"), /not a duration: "10 minutes"/);
  await Promise.all([cluster.close(), cluster.close()]);
  await cluster.close();
  await assert.rejects(cluster.kubeconfig(), /the cluster is closed/);
});
