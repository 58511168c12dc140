import { cidrWarnings } from "../../apimachinery/network-warnings.ts";
import type { Strategy } from "../definition.ts";
import { dropField, mapField } from "../fill.ts";
import { validateNode, validateNodeUpdate } from "./node-validation.ts";
import { roundResourceList } from "./resource-defaults.ts";
import type { Node, NodeSpec } from "./types.generated.ts";

/** A kubelet registers its node with a status: creation keeps it. */
export const nodeStrategy: Strategy<Node> = {
  generationFields: [],
  defaults: defaultNode,
  warnings: nodeWarnings,
  prepareForCreate: (node) => withoutConfiguration(node),
  prepareForUpdate: withoutConfiguration,
  validate: validateNode,
  validateUpdate: (node, old) => [...validateNode(node), ...validateNodeUpdate(node, old)],
  validateStatusUpdate: validateNodeUpdate,
  prepareForStatusUpdate: (node, old) => defaultNode(withoutConfiguration(node, old)),
};

/** Kubelets read their configuration from the API no more: only what a node had before it keeps. */
function withoutConfiguration(node: Node, old?: Node): Node {
  const spec =
    old?.spec?.configSource === undefined
      ? mapField(node, "spec", (given) => dropField(given, "configSource"))
      : node;
  return old?.status?.config === undefined
    ? mapField(spec, "status", (given) => dropField(given, "config"))
    : spec;
}

function nodeWarnings({ spec }: Node, old?: Node): readonly string[] {
  if (old !== undefined && spec === old.spec) return [];
  return [
    ...(spec?.externalID ? ["spec.externalID: this field is deprecated, and is unused by Kubernetes"] : []),
    ...(spec?.podCIDRs ?? []).flatMap((range, index) => cidrWarnings(`spec.podCIDRs[${index}]`, range)),
  ];
}

function defaultNode(node: Node): Node {
  const { capacity, allocatable } = node.status ?? {};
  const status = {
    ...node.status,
    ...(capacity === undefined ? {} : { capacity: roundResourceList(capacity) }),
    // What is said of neither use can be used.
    ...(allocatable === undefined && capacity === undefined
      ? {}
      : { allocatable: roundResourceList(allocatable ?? capacity ?? {}) }),
  };
  return { ...node, spec: alignPodCidrs(node.spec ?? {}), status };
}

/** `podCIDR` is the first of `podCIDRs`. */
function alignPodCidrs(spec: NodeSpec): NodeSpec {
  const first = spec.podCIDR || spec.podCIDRs?.[0];
  if (!first || (spec.podCIDR === first && spec.podCIDRs?.[0] === first)) return spec;
  return { ...spec, podCIDR: first, podCIDRs: spec.podCIDRs?.[0] === first ? spec.podCIDRs : [first] };
}
