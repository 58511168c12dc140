import type { NodeTable } from "../cache/node-table.ts";
import { maxNodeScore, type Plugin } from "../framework/plugin.ts";
import { skip } from "../framework/status.ts";

const megabyte = 1024 * 1024;
/** Below this much no image is worth going to its node. */
const leastBytes = 23 * megabyte;
const mostBytesAContainer = 1000 * megabyte;

interface Images {
  readonly names: readonly string[];
  readonly table: NodeTable;
}

/** Prefers nodes that have the pod's images, less so the fewer nodes have them: not all pods shall go to one. */
export const imageLocality: Plugin<never, Images> = {
  name: "ImageLocality",
  preScore({ pod }, table) {
    const { containers, initContainers = [] } = pod.spec;
    const names = [...containers, ...initContainers].map(({ image }) => normalizedName(image ?? ""));
    return names.some((name) => table.nodesWithImage(name) > 0) ? { names, table } : skip;
  },
  score({ names, table }, { images }) {
    let sumBytes = 0;
    for (const name of names) {
      const bytes = images.get(name);
      if (bytes !== undefined) sumBytes += Math.trunc((bytes * table.nodesWithImage(name)) / table.nodeCount);
    }
    const mostBytes = mostBytesAContainer * names.length;
    const within = Math.min(Math.max(sumBytes, leastBytes), mostBytes);
    return Math.trunc((maxNodeScore * (within - leastBytes)) / (mostBytes - leastBytes));
  },
  // How many nodes have an image changes with other nodes than the one at hand; a pass is cheap and rare.
};

/** With the tag that is meant where none is given. */
function normalizedName(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
