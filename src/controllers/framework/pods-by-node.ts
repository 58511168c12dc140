import type { Pod } from "../../api/core/types.generated.ts";
import type { SharedInformer } from "../../client/informer.ts";

const byNodeIndex = "byNode";
const indexed = new WeakSet<SharedInformer<Pod>>();

/** Makes `podsOnNode` work on this cache. */
export function indexByNode(informer: SharedInformer<Pod>): void {
  if (indexed.has(informer)) return;
  indexed.add(informer);
  informer.addIndex(byNodeIndex, ({ spec: { nodeName = "" } }) => (nodeName === "" ? [] : [nodeName]));
}

export function podsOnNode(informer: SharedInformer<Pod>, nodeName: string): readonly Pod[] {
  return informer.lister.byIndex(byNodeIndex, nodeName);
}
