import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscaler } from "../api/autoscaling/types.generated.ts";
import { apiServices, deployments, horizontalPodAutoscalers } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { isConditionTrue } from "../client/conditions.ts";
import { startCluster } from "./index.ts";

const web = { namespace: "default", name: "web" };
const labels = { app: "web" };
const requests = { cpu: "1" };

const autoscaler: HorizontalPodAutoscaler = {
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: web,
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
    minReplicas: 1,
    maxReplicas: 8,
    metrics: [
      {
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
      },
    ],
  },
};

test("A load scales a Deployment up at once, and down again only after the stabilization window", async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { client, apis } = cluster;
  await client.create(deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: web,
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "a", image: "a:1", resources: { requests } }] },
      },
    },
  });
  const replicas = async () => (await client.get(deployments, web)).status?.readyReplicas ?? 0;
  let loadMilli = 400;
  let ready = 1;
  await apis.podMetrics(({ metadata }) =>
    metadata.labels?.app === "web" ? { cpu: `${Math.round(loadMilli / ready)}m` } : undefined,
  );
  await client.create(horizontalPodAutoscalers, autoscaler);
  const minutes = async (count: number) => {
    const seen: number[] = [];
    for (let minute = 0; minute < count; minute++) {
      await cluster.advance("1m");
      ready = await replicas();
      seen.push(ready);
    }
    return seen;
  };
  assert.deepEqual(await minutes(2), [1, 1]);
  loadMilli = 3000;
  assert.deepEqual((await minutes(8)).at(-1), 6);
  loadMilli = 400;
  const after = await minutes(10);
  assert.deepEqual(after.slice(0, 4), [6, 6, 6, 6], "within five minutes of what was last wanted");
  assert.equal(after.at(-1), 1);
  const { status } = await client.get(horizontalPodAutoscalers, web);
  assert.ok(isConditionTrue(status?.conditions ?? [], "ScalingActive"));
});

test("An autoscaler without metrics says so, and changes nothing", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.create(deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: web,
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "a", image: "a:1", resources: { requests } }] },
      },
    },
  });
  await client.create(horizontalPodAutoscalers, autoscaler);
  await cluster.advance("2m");
  const { status } = await client.get(horizontalPodAutoscalers, web);
  const active = status?.conditions?.find(({ type }) => type === "ScalingActive");
  assert.deepEqual([active?.status, active?.reason], ["False", "FailedGetResourceMetric"]);
  assert.equal((await client.get(deployments, web)).status?.readyReplicas, 2);
});

interface Reading extends KubeObject {
  readonly celsius: number;
}
const readings: ResourceType<Reading> = {
  group: "sensors.example.com",
  version: "v1",
  resource: "readings",
  kind: "Reading",
  namespaced: true,
};

test("A function answers an aggregated API, which is discovered, guarded, and taken away again", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const { client, apis } = cluster;
  const asked: string[] = [];
  const served = await apis.serve("sensors.example.com/v1", {
    resources: [{ name: "readings", kind: "Reading", namespaced: true }],
    answer: ({ method, resource, namespace = "", name = "", user }) => {
      asked.push(`${user} ${method} ${resource} ${namespace}/${name}`);
      if (name !== "roof") return undefined;
      return {
        apiVersion: "sensors.example.com/v1",
        kind: "Reading",
        metadata: { namespace, name },
        celsius: 21,
      };
    },
  });
  const roof = { namespace: "default", name: "roof" };
  assert.equal((await client.get(readings, roof)).celsius, 21);
  assert.deepEqual(asked, ["kubernetes-admin GET readings default/roof"]);
  await assert.rejects(client.get(readings, { ...roof, name: "cellar" }), (error) =>
    isApiError(error, "NotFound"),
  );
  const stranger = cluster.clientFor({ name: "stranger", groups: ["system:authenticated"] });
  await assert.rejects(stranger.get(readings, roof), (error) => isApiError(error, "Forbidden"));
  const { resources } = (await client.raw("/apis/sensors.example.com/v1")) as {
    resources: { kind: string }[];
  };
  assert.deepEqual(
    resources.map(({ kind }) => kind),
    ["Reading"],
  );
  await served.remove();
  await assert.rejects(client.get(apiServices, { name: "v1.sensors.example.com" }));
  await cluster.advance("1s");
  await assert.rejects(client.get(readings, roof));
});
