import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterRole } from "../../api/rbac/types.generated.ts";
import { reconcileAggregation } from "./controller.ts";

const role = (name: string, labels: Record<string, string>, ...resources: string[]): ClusterRole => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name, labels },
  rules: resources.map((resource) => ({ verbs: ["get"], resources: [resource] })),
});

const view: ClusterRole = {
  ...role("view", {}),
  aggregationRule: {
    clusterRoleSelectors: [{ matchLabels: { "to-view": "true" } }, { matchLabels: { also: "yes" } }],
  },
};

test("an aggregating role has the rules of all it selects, by name, each once", () => {
  const others = [
    view,
    role("b", { "to-view": "true" }, "pods", "services"),
    role("a", { "to-view": "true" }, "configmaps"),
    role("c", { also: "yes" }, "pods"),
    role("d", {}, "secrets"),
  ];
  const [intent] = reconcileAggregation({ role: view, others });
  assert.ok(intent?.action === "update");
  const rules = (intent.object as ClusterRole).rules ?? [];
  assert.deepEqual(
    rules.map(({ resources }) => resources?.[0]),
    ["configmaps", "pods", "services"],
  );
});
