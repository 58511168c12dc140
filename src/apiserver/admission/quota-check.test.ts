import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceQuota } from "../../api/core/types.generated.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { checkQuotas, type LimitedResource } from "./quota-check.ts";

const quota = (
  name: string,
  hard: Record<string, string>,
  spec: ResourceQuota["spec"] = {},
): ResourceQuota => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name, namespace: "ns" },
  spec: { ...spec, hard },
  status: { hard, used: Object.fromEntries(Object.keys(hard).map((key) => [key, "0"])) },
});

const object = (kind: string, spec: object): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "x", namespace: "ns" },
  ...{ spec },
});
const pod = (priorityClassName: string, cpu = "1") =>
  object("Pod", {
    priorityClassName,
    containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }],
  });
const gold = object("PersistentVolumeClaim", {
  storageClassName: "gold",
  resources: { requests: { storage: "1Gi" } },
});
const storage: LimitedResource = {
  resource: "persistentvolumeclaims",
  matchContains: [".storageclass.storage.k8s.io/requests.storage"],
};
const priority: LimitedResource = {
  resource: "pods",
  matchScopes: [{ scopeName: "PriorityClass", operator: "In", values: ["cluster-services", "x"] }],
};
const ofServices = {
  scopeSelector: {
    matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["cluster-services"] }],
  },
};
const uncoveredGold = "insufficient quota to consume: gold.storageclass.storage.k8s.io/requests.storage";
const uncoveredScope = "insufficient quota to match these scopes: [{PriorityClass In [cluster-services x]}]";

for (const { name, resource, of, quotas, limited, want } of [
  {
    name: "is not consumed without a quota",
    resource: "persistentvolumeclaims",
    of: gold,
    quotas: [],
    limited: storage,
    want: { refusal: uncoveredGold },
  },
  {
    name: "is not covered by a quota of something else",
    resource: "persistentvolumeclaims",
    of: gold,
    quotas: [quota("q", { "requests.storage": "5Gi" })],
    limited: storage,
    want: { refusal: uncoveredGold },
  },
  {
    name: "is covered by a quota that counts it",
    resource: "persistentvolumeclaims",
    of: gold,
    quotas: [quota("q", { "gold.storageclass.storage.k8s.io/requests.storage": "5Gi" })],
    limited: storage,
    want: { used: ["1Gi"] },
  },
  {
    name: "is nothing to other kinds",
    resource: "pods",
    of: pod(""),
    quotas: [],
    limited: storage,
    want: { used: [] },
  },
  {
    name: "by scope is no matter of other scopes",
    resource: "pods",
    of: pod("low"),
    quotas: [],
    limited: priority,
    want: { used: [] },
  },
  {
    name: "by scope needs a quota of that scope",
    resource: "pods",
    of: pod("x"),
    quotas: [quota("q", { pods: "5" })],
    limited: priority,
    want: { failure: uncoveredScope },
  },
  {
    name: "by scope is covered by a quota of that scope",
    resource: "pods",
    of: pod("cluster-services"),
    quotas: [quota("q", { pods: "5" }, ofServices)],
    limited: priority,
    want: { used: ["1"] },
  },
  {
    name: "or not, a quota takes nothing negative",
    resource: "pods",
    of: pod("", "-1"),
    quotas: [quota("q", { pods: "5" })],
    limited: undefined,
    want: { refusal: "quota usage is negative for resource(s): cpu,requests.cpu" },
  },
] as const)
  test(`what is limited ${name}`, () => {
    const verdict = checkQuotas(
      quotas,
      { resource: { group: "", resource }, object: of, nowMs: 0 },
      limited === undefined ? [] : [limited],
    );
    const told =
      "quotas" in verdict
        ? { used: verdict.quotas.flatMap(({ status }) => Object.values(status?.used ?? {})) }
        : verdict;
    assert.deepEqual(told, want);
  });
