import assert from "node:assert/strict";
import { test } from "node:test";
import { configMaps, pods } from "../api/resources.generated.ts";
import { startCluster, type TestClusterOptions } from "./index.ts";

const never = () => false;
/** As who compiles nothing gives them. */
const misspelt = (options: object): object => options;

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
  {
    name: "an option that is misspelt",
    options: misspelt({ node: 3 }),
    message: /^TypeError: startCluster: there is no option "node"; there are nodes, clock, seed, /,
  },
  {
    name: "an option of the runtime in another English",
    options: { runtime: misspelt({ behaviour: () => ({}) }) },
    message: /^TypeError: startCluster: runtime: there is no option "behaviour"; there are behavior, /,
  },
  {
    name: "a clock that there is not",
    options: { clock: "wall" as "real" },
    message: /clock is "virtual" or "real", not "wall"/,
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

test("Faults that could never hit, webhooks that would never be asked, and what is nothing to install are refused", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { faults } = cluster;
  const mistakes: readonly (readonly [() => unknown, RegExp])[] = [
    [() => faults.answer(500, { verb: "put" }), /answer: there is no verb "put"; there are get, list, /],
    [
      () => faults.loseAnswers({ verb: ["patch", "deleteCollection"] }),
      /no verb "deleteCollection".*deletecollection/,
    ],
    [() => faults.answer(500, { resource: "Pod" }), /a plural without its group, such as "pods" .*not "Pod"/],
    [() => faults.dropWatches({ resource: "deployments.apps" }), /dropWatches: .*not "deployments\.apps"/],
    [
      () => faults.answer(500, misspelt({ resources: "pods" })),
      /answer: there is no option "resources"; .*resource, /,
    ],
    [() => faults.expire(misspelt({ times: 1 })), /expire: there is no option "times"/],
    [
      () => faults.partition("node-1", misspelt({ silence: true })),
      /partition: there is no option "silence"; there are silent/,
    ],
    [() => faults.latency("1s", { chance: 50 }), /latency: chance is a share from 0 to 1, not 50/],
    [() => faults.answer(500, { times: 0 }), /answer: times is a whole number from 1 on, not 0/],
    [() => faults.answer(200), /the code of an error is from 400 to 599, not 200/],
    [
      () => cluster.until(never, misspelt({ timeoutMs: 5 })),
      /until: there is no option "timeoutMs"; there are timeout/,
    ],
    [
      () => cluster.during(Promise.resolve(), misspelt({ pace: 2 })),
      /during: there is no option "pace"; there are speed/,
    ],
    [
      () =>
        cluster.webhooks.validate({ resources: ["pods"], ...{ operation: ["CREATE"] }, review: () => true }),
      /webhook: there is no option "operation"; there are name, resources, operations, review/,
    ],
    [
      () => cluster.install(undefined as unknown as string),
      /install: an object, a path or a URL is expected, not undefined/,
    ],
  ];
  // An asynchronous one rejects.
  for (const [make, message] of mistakes) await assert.rejects(async () => make(), { message });
});
