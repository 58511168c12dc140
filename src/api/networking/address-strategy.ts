import type { Strategy } from "../definition.ts";
import type { IPAddress, ServiceCIDR } from "./types.generated.ts";

export const ipAddressStrategy: Strategy<IPAddress> = { generationFields: [] };

export const serviceCidrStrategy: Strategy<ServiceCIDR> = {
  generationFields: [],
  defaults: (object) => ({ ...object, spec: object.spec ?? {}, status: object.status ?? {} }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
};
