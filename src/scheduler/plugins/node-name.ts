import type { Plugin } from "../framework/plugin.ts";
import { skip, success, unresolvable } from "../framework/status.ts";

const rejection = unresolvable("node(s) didn't match the requested node name");

/** Keeps a pod that names its node to that node. */
export const nodeName: Plugin<string> = {
  name: "NodeName",
  requeueOn: [{ resource: "nodes", action: "add" }],
  preFilter({ pod }) {
    const wanted = pod.spec.nodeName ?? "";
    return wanted === "" ? skip : wanted;
  },
  filter: (wanted, node) => (wanted === node.name ? success : rejection),
};
