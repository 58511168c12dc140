import { ageColumn, nameColumn, stringColumn, wide } from "../columns.ts";
import { defineResource, proxySubresource } from "../define.ts";
import type { Column } from "../definition.ts";
import { nodes } from "../resources.generated.ts";
import { nodeAddress, nodeCondition } from "./node-conditions.ts";
import { nodeStrategy } from "./node-strategy.ts";
import type { Node, NodeSystemInfo } from "./types.generated.ts";

function readiness(node: Node): string {
  const ready = nodeCondition(node, "Ready");
  const state = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec?.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

const rolePrefix = "node-role.kubernetes.io/";

function roles({ metadata }: Node): string {
  const names = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return key.slice(rolePrefix.length);
    return key === "kubernetes.io/role" ? value : "";
  });
  return [...new Set(names.filter((name) => name !== ""))].sort().join(",") || "<none>";
}

function infoColumn(name: string, description: string, field: keyof NodeSystemInfo): Column<Node> {
  return wide(
    stringColumn(name, description, ({ status }) => {
      const value = status?.nodeInfo?.[field];
      return typeof value === "string" && value !== "" ? value : "<unknown>";
    }),
  );
}

function kernel({ status }: Node): string {
  const { kernelVersion, architecture } = status?.nodeInfo ?? {};
  return `${kernelVersion || "<unknown>"}${architecture ? ` (${architecture})` : ""}`;
}

const columns: readonly Column<Node>[] = [
  nameColumn,
  stringColumn("Status", "Whether the node is ready, and whether it takes new pods.", readiness),
  stringColumn("Roles", "The node's roles, from its labels.", roles),
  ageColumn,
  stringColumn("Version", "The kubelet's version.", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
  wide(
    stringColumn(
      "Internal-IP",
      "Address in the cluster's network.",
      (node) => nodeAddress(node, "InternalIP") ?? "<none>",
    ),
  ),
  wide(
    stringColumn(
      "External-IP",
      "Address from outside.",
      (node) => nodeAddress(node, "ExternalIP") ?? "<none>",
    ),
  ),
  infoColumn("OS-Image", "The operating system.", "osImage"),
  wide(stringColumn("Kernel-Version", "The kernel and what it is built for.", kernel)),
  infoColumn("Container-Runtime", "The container runtime and its version.", "containerRuntimeVersion"),
];

export const nodeDefinition = defineResource(nodes, {
  shortNames: ["no"],
  hasStatus: true,
  columns,
  strategy: nodeStrategy,
  selectableFields: { "spec.unschedulable": ({ spec }) => String(spec?.unschedulable ?? false) },
  subresources: [proxySubresource("NodeProxyOptions")],
});
