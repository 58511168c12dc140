import type { Pod } from "../../api/core/types.generated.ts";
import type { Placement } from "./placement.ts";

/** One node as a DaemonSet sees it. */
export interface NodeView {
  readonly name: string;
  readonly placement: Placement;
  /** Oldest first. */
  readonly pods: readonly Pod[];
}

/** What is to be created and deleted, before it is limited to a burst. */
export interface Changes {
  readonly creates: readonly string[];
  readonly deletes: readonly Pod[];
}
