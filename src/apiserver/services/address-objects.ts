import type { IPAddress } from "../../api/networking/types.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { Logger } from "../../base/log.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { Place } from "../registry/store-calls.ts";
import { familyOf } from "./address-range.ts";

const managedBy = "ipaddress.kubernetes.io/managed-by";
const allocator = "ipallocator.k8s.io";

/** The part of the store of IPAddresses that is needed. */
export type AddressStore = Pick<ResourceStore, "create" | "delete" | "find" | "cache">;

export interface AddressObjectsDependencies {
  /** Undefined: the kind is not served. */
  readonly store: () => AddressStore | undefined;
  readonly logger: Logger;
}

const unchecked = { dryRun: false, validate: async () => {}, warn: () => {} };

/**
 * The IPAddress objects of cluster IPs: one an address, named after it (KEP-1880). Storage makes each name once, so that no
 * two API servers give out the same address.
 */
export class AddressObjects {
  readonly #store: () => AddressStore | undefined;
  readonly #logger: Logger;
  /** Removals under way: who wants the address again waits for them. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor({ store, logger }: AddressObjectsDependencies) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Makes the object that says whose the address is; false where it is another's. */
  async hold(address: string, owner: Place): Promise<boolean> {
    const store = this.#store();
    if (store === undefined) return true;
    await this.#leaving.get(address);
    try {
      await store.create(addressObject(address, owner), "", unchecked);
      return true;
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error;
    }
    const existing = await store.find({ namespace: "", name: address });
    return existing !== undefined && isOf(existing, owner);
  }

  /** Removes the object, where it is the owner's; at its own pace, and failures are for the repair to mend. */
  letGo(address: string, owner: Place): void {
    const store = this.#store();
    if (store === undefined) return;
    const removal = this.#remove(store, address, owner)
      .catch((error: unknown) => {
        this.#logger.warn({ error, address }, "the IPAddress of a released cluster IP could not be removed");
      })
      .finally(() => {
        if (this.#leaving.get(address) === removal) this.#leaving.delete(address);
      });
    this.#leaving.set(address, removal);
  }

  async #remove(store: AddressStore, address: string, owner: Place): Promise<void> {
    const place = { namespace: "", name: address };
    const existing = await store.find(place);
    if (existing === undefined || !isOf(existing, owner)) return;
    try {
      await store.delete(place, { options: { dryRun: false }, validate: unchecked.validate });
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  }
}

function addressObject(address: string, { namespace, name }: Place): AnyObject {
  const object: IPAddress = {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: {
      name: address,
      labels: {
        "ipaddress.kubernetes.io/ip-family": familyOf(address) ?? "IPv4",
        [managedBy]: allocator,
      },
    },
    spec: { parentRef: { resource: "services", namespace, name } },
  };
  return { ...object };
}

/** Whether the server made it, for a service. */
export function isManaged({ metadata }: AnyObject): boolean {
  return metadata.labels?.[managedBy] === allocator;
}

/** The service that an IPAddress is for; undefined where it is for something else. */
export function serviceOf(object: AnyObject): Place | undefined {
  const { parentRef } = (object.spec ?? {}) as Partial<IPAddress["spec"] & object>; // an IPAddress
  if (parentRef?.resource !== "services" || parentRef.group) return undefined;
  return { namespace: parentRef.namespace ?? "", name: parentRef.name };
}

function isOf(object: AnyObject, owner: Place): boolean {
  const service = serviceOf(object);
  return service?.name === owner.name && service.namespace === owner.namespace;
}
