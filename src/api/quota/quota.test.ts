import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { formatQuantity } from "../../apimachinery/quantity.ts";
import type { Pod, ResourceQuota } from "../core/types.generated.ts";
import { quotaMatches } from "./scopes.ts";
import { addUsage, matchingNames, podConstraintError, type Usage, usageOf } from "./usage.ts";

const nowMs = Date.UTC(2026, 0, 1);
const core = (resource: string) => ({ group: "", resource });
const object = (kind: string, fields: object, metadata: object = {}) =>
  ({ apiVersion: "v1", kind, metadata: { name: "x", ...metadata }, ...fields }) as KubeObject;
const pod = (spec: object = {}, status: object = {}, metadata: object = {}) =>
  object("Pod", { spec: { containers: [{ name: "c" }], ...spec }, status }, metadata) as KubeObject & Pod;
const asking = (requests: object, limits: object = {}) => ({
  containers: [{ name: "c", resources: { requests, limits } }],
});
const shown = (usage: Usage) =>
  Object.fromEntries(Object.entries(usage).map(([key, amount]) => [key, formatQuantity(amount)]));

for (const { name, resource, given, want } of [
  {
    name: "a pod by what it requests and limits (ResourceQuota, object count quota, pod)",
    resource: core("pods"),
    given: pod(asking({ cpu: "500m", memory: "1Gi", "example.com/gpu": "2" }, { cpu: "1" })),
    want: {
      "count/pods": "1",
      pods: "1",
      cpu: "500m",
      "requests.cpu": "500m",
      memory: "1Gi",
      "requests.memory": "1Gi",
      "requests.example.com/gpu": "2",
      "limits.cpu": "1",
    },
  },
  {
    name: "a pod that has ended as an object only",
    resource: core("pods"),
    given: pod(asking({ cpu: "1" }), { phase: "Succeeded" }),
    want: { "count/pods": "1" },
  },
  {
    name: "a pod long past its deletion as an object only",
    resource: core("pods"),
    given: pod({}, {}, { deletionTimestamp: "2025-12-31T23:00:00Z", deletionGracePeriodSeconds: 30 }),
    want: { "count/pods": "1" },
  },
  {
    name: "a node port service (ResourceQuota, object count quota, service)",
    resource: core("services"),
    given: object("Service", { spec: { type: "NodePort", ports: [{ port: 1 }, { port: 2 }] } }),
    want: { "count/services": "1", services: "1", "services.nodeports": "2", "services.loadbalancers": "0" },
  },
  {
    name: "a load balancer without node ports",
    resource: core("services"),
    given: object("Service", {
      spec: { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ port: 1 }] },
    }),
    want: { "count/services": "1", services: "1", "services.nodeports": "0", "services.loadbalancers": "1" },
  },
  {
    name: "a claim by size and class",
    resource: core("persistentvolumeclaims"),
    given: object("PersistentVolumeClaim", {
      spec: { storageClassName: "gold", resources: { requests: { storage: "1Gi" } } },
    }),
    want: {
      "count/persistentvolumeclaims": "1",
      persistentvolumeclaims: "1",
      "requests.storage": "1Gi",
      "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
      "gold.storageclass.storage.k8s.io/requests.storage": "1Gi",
    },
  },
  {
    name: "a secret (ResourceQuota, object count quota, secret)",
    resource: core("secrets"),
    given: object("Secret", {}),
    want: { "count/secrets": "1", secrets: "1" },
  },
  {
    name: "a replica set (ResourceQuota, object count quota, replicaSet)",
    resource: { group: "apps", resource: "replicasets" },
    given: object("ReplicaSet", {}),
    want: { "count/replicasets.apps": "1" },
  },
  {
    name: "a replication controller (ResourceQuota, object count quota, replicationController)",
    resource: core("replicationcontrollers"),
    given: object("ReplicationController", {}),
    want: { "count/replicationcontrollers": "1", replicationcontrollers: "1" },
  },
]) {
  test(`quota counts ${name}`, () => assert.deepEqual(shown(usageOf(resource, given, nowMs)), want));
}

test("quota: usages add up", () => {
  const total = addUsage(
    usageOf(core("secrets"), object("Secret", {}), nowMs),
    usageOf(core("secrets"), object("Secret", {}), nowMs),
  );
  assert.deepEqual(shown(total), { "count/secrets": "2", secrets: "2" });
});

for (const { name, resource, names, want } of [
  {
    name: "pods",
    resource: core("pods"),
    names: ["pods", "requests.example.com/gpu", "secrets", "hugepages-2Mi"],
    want: ["pods", "requests.example.com/gpu", "hugepages-2Mi"],
  },
  {
    name: "claims",
    resource: core("persistentvolumeclaims"),
    names: ["requests.storage", "gold.storageclass.storage.k8s.io/requests.storage", "pods"],
    want: ["requests.storage", "gold.storageclass.storage.k8s.io/requests.storage"],
  },
  {
    name: "another group's objects",
    resource: { group: "apps", resource: "deployments" },
    names: ["count/deployments.apps", "count/deployments"],
    want: ["count/deployments.apps"],
  },
]) {
  test(`quota: the names that ${name} count for`, () =>
    assert.deepEqual(matchingNames(resource, names), want));
}

const quota = (spec: object): ResourceQuota => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name: "q" },
  spec,
  status: { hard: { pods: "1" }, used: { pods: "0" } },
});
const priorityIn = (...values: string[]) => ({
  scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values }] },
});
for (const { name, spec, given, want } of [
  { name: "every pod without scopes", spec: {}, given: pod(), want: true },
  {
    name: "best effort pods (ResourceQuota, quota scope, BestEffort and NotBestEffort scope)",
    spec: { scopes: ["BestEffort"] },
    given: pod(),
    want: true,
  },
  {
    name: "no other pods as best effort",
    spec: { scopes: ["BestEffort"] },
    given: pod(asking({ cpu: "1" })),
    want: false,
  },
  {
    name: "pods with a deadline (ResourceQuota, quota scope, Terminating and NotTerminating scope)",
    spec: { scopes: ["Terminating"] },
    given: pod({ activeDeadlineSeconds: 5 }),
    want: true,
  },
  { name: "pods without a deadline", spec: { scopes: ["NotTerminating"] }, given: pod(), want: true },
  {
    name: "pods of a class",
    spec: priorityIn("high"),
    given: pod({ priorityClassName: "high" }),
    want: true,
  },
  {
    name: "no pods of another class",
    spec: priorityIn("high"),
    given: pod({ priorityClassName: "low" }),
    want: false,
  },
  {
    name: "only what is within every scope",
    spec: { scopes: ["BestEffort", "Terminating"] },
    given: pod(),
    want: false,
  },
]) {
  test(`quota is about ${name}`, () => assert.equal(quotaMatches(quota(spec), core("pods"), given), want));
}

test("quota on cpu asks every container to say what it needs", () => {
  const given = pod({ containers: [{ name: "a", resources: { requests: { cpu: "1" } } }, { name: "b" }] });
  assert.equal(
    podConstraintError(given, ["requests.cpu", "limits.memory", "pods"]),
    "must specify limits.memory for: a,b; requests.cpu for: b",
  );
});
