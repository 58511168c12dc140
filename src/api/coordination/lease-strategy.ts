import type { Strategy } from "../definition.ts";
import type { Lease } from "./types.generated.ts";

export const leaseStrategy: Strategy<Lease> = {
  createOnUpdate: true,
  unconditionalUpdate: false,
  generationFields: [],
};
