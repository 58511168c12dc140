import type { Pod } from "../../api/core/types.generated.ts";
import { type HostPort, hostPortsOf, UsedPorts } from "../cache/host-ports.ts";
import type { Plugin } from "../framework/plugin.ts";
import { skip, success, unschedulable } from "../framework/status.ts";

const rejection = unschedulable("node(s) didn't have free ports for the requested pod ports");

/** Rejects nodes where another pod already holds a requested host port. */
export const nodePorts: Plugin<readonly HostPort[]> = {
  name: "NodePorts",
  requeueOn: [
    {
      resource: "pods",
      action: "delete",
      hint({ hostPorts }, { object }) {
        if (object === undefined) return true;
        const freed = new UsedPorts();
        for (const port of hostPortsOf((object as Pod).spec)) freed.add(port); // pods events carry pods
        return hostPorts.some((port) => freed.conflictsWith(port));
      },
    },
    { resource: "nodes", action: "add" },
  ],
  preFilter: ({ hostPorts }) => (hostPorts.length === 0 ? skip : hostPorts),
  filter: (wanted, { usedPorts }) =>
    wanted.some((port) => usedPorts.conflictsWith(port)) ? rejection : success,
  filterSharing: { dependsOn: "pods", signature: (wanted) => JSON.stringify(wanted) },
};
