import type { Strategy } from "../definition.ts";
import { validateNode, validateNodeUpdate } from "./node-validation.ts";
import { roundResourceList } from "./resource-defaults.ts";
import type { Node, NodeSpec } from "./types.generated.ts";

/** A kubelet registers its node with a status: creation keeps it. */
export const nodeStrategy: Strategy<Node> = {
  generationFields: [],
  defaults: defaultNode,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: validateNodeUpdate,
  prepareForStatusUpdate: (node) => defaultNode(node),
};

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
