import type { Strategy } from "../definition.ts";
import type { ReplicationController } from "./types.generated.ts";

export const replicationControllerStrategy: Strategy<ReplicationController> = {
  // What deletes without a word leaves the pods, as in the first versions.
  defaultPropagation: "Orphan",
};
