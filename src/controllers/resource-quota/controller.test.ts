import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, ResourceQuota, ResourceQuotaStatus } from "../../api/core/types.generated.ts";
import { configMaps, pods, resourceQuotas } from "../../api/resources.generated.ts";
import { actions, meta, now, pod, writtenStatus } from "../test-support/objects.ts";
import { reconcileQuota } from "./controller.ts";

const quota = (hard: Record<string, string>, more: object = {}): ResourceQuota => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: meta("limits"),
  spec: { hard, ...more },
});

const asking = (name: string, cpu: string, traits: Parameters<typeof pod>[1] = {}): Pod =>
  pod(name, { spec: { containers: [{ name: "c", resources: { requests: { cpu } } }] }, ...traits });

const used = (of: ResourceQuota, podsOf: readonly Pod[]) =>
  writtenStatus<ResourceQuotaStatus>(
    reconcileQuota(
      {
        quota: of,
        counted: [
          { resource: pods, objects: podsOf },
          { resource: configMaps, objects: [{ apiVersion: "v1", kind: "ConfigMap", metadata: meta("m") }] },
        ],
        isPolled: false,
      },
      now,
    ),
  );

test("ResourceQuota counts what it limits and nothing else (ResourceQuota, object count quota, configmap)", () => {
  const status = used(quota({ pods: "5", "requests.cpu": "2", configmaps: "3", services: "1" }), [
    asking("a", "500m"),
    asking("b", "250m"),
  ]);
  assert.deepEqual(status, {
    hard: { pods: "5", "requests.cpu": "2", configmaps: "3", services: "1" },
    used: { pods: "2", "requests.cpu": "750m", configmaps: "1", services: "0" },
  });
});

test("ResourceQuota takes off what has finished (ResourceQuota, object count quota, pod)", () => {
  const status = used(quota({ pods: "5", "requests.cpu": "2" }), [
    asking("a", "500m"),
    asking("b", "1", { phase: "Succeeded" }),
  ]);
  assert.deepEqual(status?.used, { pods: "1", "requests.cpu": "500m" });
});

test("ResourceQuota counts only what is in its scopes (ResourceQuota, quota scope, BestEffort and NotBestEffort scope)", () => {
  const bestEffort = quota({ pods: "5" }, { scopes: ["BestEffort"] });
  assert.deepEqual(used(bestEffort, [asking("a", "500m"), pod("b")])?.used, { pods: "1" });
});

test("ResourceQuota that counts what is not followed is counted anew after a while", () => {
  const intents = reconcileQuota(
    { quota: quota({ "count/widgets.example.com": "1" }), counted: [], isPolled: true },
    now,
  );
  assert.deepEqual(actions(intents), ["requeue after 300000 ms"]);
});

test("ResourceQuota counts quotas, itself among them (ResourceQuota, object count quota, resourcequotas)", () => {
  const of = quota({ resourcequotas: "3" });
  const counted = [{ resource: resourceQuotas, objects: [of, quota({})] }];
  const intents = reconcileQuota({ quota: of, counted, isPolled: false }, now);
  assert.deepEqual(writtenStatus<ResourceQuotaStatus>(intents)?.used, { resourcequotas: "2" });
});

test("ResourceQuota shows changed limits in its status (ResourceQuota, update and delete)", () => {
  const changed: ResourceQuota = {
    ...quota({ pods: "9" }),
    status: { hard: { pods: "5", services: "1" }, used: { pods: "1", services: "0" } },
  };
  assert.deepEqual(used(changed, [asking("a", "1")]), { hard: { pods: "9" }, used: { pods: "1" } });
});
