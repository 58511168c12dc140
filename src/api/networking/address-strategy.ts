import type { Strategy } from "../definition.ts";
import {
  validateIpAddress,
  validateIpAddressUpdate,
  validateServiceCidr,
  validateServiceCidrUpdate,
} from "./address-validation.ts";
import type { IPAddress, ServiceCIDR } from "./types.generated.ts";

export const ipAddressStrategy: Strategy<IPAddress> = {
  validate: validateIpAddress,
  validateUpdate: (object, old) => [...validateIpAddress(object), ...validateIpAddressUpdate(object, old)],
  generationFields: [],
};

export const serviceCidrStrategy: Strategy<ServiceCIDR> = {
  validate: validateServiceCidr,
  validateUpdate: validateServiceCidrUpdate,
  generationFields: [],
  defaults: (object) => ({ ...object, spec: object.spec ?? {}, status: object.status ?? {} }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
};
