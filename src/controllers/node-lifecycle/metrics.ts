import type { Node } from "../../api/core/types.generated.ts";
import { counterOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import { numberSeries } from "../../base/metrics/series.ts";
import type { Patch } from "../../client/client.ts";
import type { Reconciled } from "../framework/controller.ts";
import { zoneOf } from "./disruption.ts";
import type { NodeSnapshot } from "./reconcile.ts";
import { isEvictionTaint } from "./taints.ts";

/** node_collector_*: how often the pods of a zone's node were told to go. */
export class NodeMetrics implements MetricSource {
  readonly #evictions = numberSeries();

  reconciled({ snapshot: { node }, intents, failure }: Reconciled<NodeSnapshot>): void {
    const zone = zoneLabel(node);
    const evictions = this.#evictions.of(zone);
    if (failure !== undefined || (node.spec?.taints ?? []).some(isEvictionTaint)) return;
    for (const intent of intents)
      if (intent.action === "patch" && putsEvictionTaint(intent.patch)) evictions.value++;
  }

  families(): readonly MetricFamily[] {
    return [
      counterOf(
        {
          name: "node_collector_evictions_total",
          help: "[STABLE] Number of Node evictions that happened since current instance of NodeController started.",
          labels: ["zone"],
        },
        this.#evictions,
      ),
    ];
  }
}

/** Nodes that say nothing of a zone share the one without a name. */
function zoneLabel(node: Node): string {
  const zone = zoneOf(node);
  return zone === zoneOf({ ...node, metadata: {} }) ? "" : zone;
}

function putsEvictionTaint(patch: Patch): boolean {
  if (patch.type !== "merge") return false;
  const { spec } = patch.patch as Pick<Node, "spec">; // The controller's own patches of nodes.
  return (spec?.taints ?? []).some(isEvictionTaint);
}
