import type { Strategy } from "../definition.ts";
import { validateLease } from "./lease-validation.ts";
import type { Lease } from "./types.generated.ts";

export const leaseStrategy: Strategy<Lease> = {
  validate: validateLease,
  validateUpdate: validateLease,
  createOnUpdate: true,
  unconditionalUpdate: false,
  generationFields: [],
};
