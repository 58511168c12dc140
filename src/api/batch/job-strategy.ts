import type { Strategy } from "../definition.ts";
import type { Job } from "./types.generated.ts";

export const jobStrategy: Strategy<Job> = {
  // What deletes without a word leaves the pods, as in the first versions.
  defaultPropagation: "Orphan",
};
