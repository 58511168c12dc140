import type { Client } from "../../client/client.ts";
import type { Plugin } from "../framework/plugin.ts";
import { balancedAllocation } from "./balanced-allocation.ts";
import { defaultBinder } from "./default-binder.ts";
import { imageLocality } from "./image-locality.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { schedulingGates } from "./scheduling-gates.ts";
import { taintToleration } from "./taint-toleration.ts";

export interface PluginDependencies {
  readonly client: Pick<Client, "createSubresource">;
}

/** The default profile, in the order in which its filters are asked; PrioritySort is the queue's own order. */
export function defaultPlugins({ client }: PluginDependencies): readonly Plugin[] {
  return [
    schedulingGates,
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    balancedAllocation,
    imageLocality,
    defaultBinder(client),
  ];
}
