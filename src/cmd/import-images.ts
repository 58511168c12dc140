import { startContainerd } from "../kubelet/cri/containerd.ts";
import { containerdOptions } from "./compose/real-node.ts";
import type { NodeState } from "./data-directory.ts";
import { UserError } from "./user-error.ts";

/** Imports an archive into every node; resolves to its images' names. */
export async function importInto(nodes: readonly NodeState[], archive: string): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const node of nodes) {
    const containerd = await startContainerd(containerdOptions(node));
    try {
      for (const name of await containerd.importImage(archive)) names.add(name);
    } catch (error) {
      throw new UserError(error instanceof Error ? error.message : String(error), { cause: error });
    } finally {
      await containerd.close();
    }
  }
  return [...names];
}
