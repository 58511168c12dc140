import type { Strategy } from "../definition.ts";
import { dropField, mapField } from "../fill.ts";
import { validateLease } from "./lease-validation.ts";
import type { Lease } from "./types.generated.ts";

export const leaseStrategy: Strategy<Lease> = {
  prepareForCreate: withoutElection,
  prepareForUpdate: (lease) => withoutElection(lease),
  validate: validateLease,
  validateUpdate: validateLease,
  createOnUpdate: true,
  unconditionalUpdate: false,
  generationFields: [],
};

/** Elections that the API server coordinates are behind a gate that is off. */
function withoutElection(lease: Lease): Lease {
  return mapField(lease, "spec", (spec) => dropField(dropField(spec, "strategy"), "preferredHolder"));
}
