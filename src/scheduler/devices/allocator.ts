import { isTaintTolerated } from "../../api/core/taints.ts";
import type { Node } from "../../api/core/types.generated.ts";
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceToleration,
  ResourceClaim,
} from "../../api/resource/types.generated.ts";
import { addQuantity, compareQuantity, parseQuantity, zeroQuantity } from "../../apimachinery/quantity.ts";
import type { DeviceSelectors } from "./device-selectors.ts";
import { deviceId, type Offer, offersOn, type Pool, qualified, selectorOf } from "./inventory.ts";

/** All that an allocation is decided from. */
export interface Market {
  readonly pools: readonly Pool[];
  readonly classOf: (name: string) => DeviceClass | undefined;
  readonly selectors: DeviceSelectors;
  /** Devices that claims have already, by `deviceId`. */
  readonly taken: ReadonlySet<string>;
}

/** Why nothing can be allocated on any node: a class that is not there, a rule that fails. */
export class AllocationError extends Error {
  override readonly name = "AllocationError";
}

/** Steps of the search before it gives up on a node: a search over all combinations has no other end. */
const maxSteps = 100_000;

/**
 * Finds devices on the node for all claims together, or undefined (KEP-4381). Requests are met in their order, of a
 * `firstAvailable` list the first that can be; devices are tried in the order of their pools.
 */
export function allocate(
  claims: readonly ResourceClaim[],
  node: Node,
  market: Market,
): AllocationResult[] | undefined {
  const search = new Search(claims, node, market);
  return search.run() ? search.results() : undefined;
}

/** One way to meet a request: itself, or one of its subrequests. */
interface Alternative {
  /** "gpu", or "gpu/large" of a subrequest. */
  readonly name: string;
  readonly className: string;
  readonly isAll: boolean;
  readonly count: number;
  readonly selectors: readonly DeviceSelector[];
  readonly tolerations: readonly DeviceToleration[];
  readonly adminAccess: boolean;
}

interface Choice {
  readonly alternative: Alternative;
  readonly offer: Offer;
}

class Search {
  readonly #claims: readonly ResourceClaim[];
  readonly #market: Market;
  readonly #offers: readonly { readonly pool: Pool; readonly offers: readonly Offer[] }[];
  readonly #chosen: Choice[][];
  readonly #used = new Set<string>();
  #steps = 0;

  constructor(claims: readonly ResourceClaim[], node: Node, market: Market) {
    this.#claims = claims;
    this.#market = market;
    this.#offers = market.pools.map((pool) => ({ pool, offers: offersOn(pool, node) }));
    this.#chosen = claims.map(() => []);
  }

  run(): boolean {
    return this.#claim(0, 0);
  }

  /** The requests from this one on. */
  #claim(index: number, request: number): boolean {
    const claim = this.#claims[index];
    if (claim === undefined) return true;
    const wanted = (claim.spec.devices?.requests ?? [])[request];
    if (wanted === undefined) return this.#claim(index + 1, 0);
    return alternativesOf(wanted).some((alternative) => {
      const candidates = this.#candidates(alternative);
      if (candidates === undefined) return false;
      const count = alternative.isAll ? candidates.length : alternative.count;
      return count > 0 && this.#devices(index, request, alternative, candidates, 0, count);
    });
  }

  /** The rest of the devices of a request, then all that comes after it. */
  #devices(
    claim: number,
    request: number,
    alternative: Alternative,
    candidates: readonly Offer[],
    from: number,
    missing: number,
  ): boolean {
    if (missing === 0) return this.#claim(claim, request + 1);
    for (let at = from; at + missing <= candidates.length; at++) {
      if (++this.#steps > maxSteps) return false;
      const offer = candidates[at] as Offer; // below the length
      if (this.#take(claim, alternative, offer)) {
        if (this.#devices(claim, request, alternative, candidates, at + 1, missing - 1)) return true;
        this.#giveBack(claim, offer);
      }
      // Of all devices none may be left out.
      if (alternative.isAll) return false;
    }
    return false;
  }

  #take(claim: number, alternative: Alternative, offer: Offer): boolean {
    const id = idOf(offer);
    const chosen = this.#chosen[claim] as Choice[]; // one list a claim
    if (!alternative.adminAccess && (this.#market.taken.has(id) || this.#used.has(id))) return false;
    if (chosen.some((other) => idOf(other.offer) === id)) return false;
    const next = [...chosen, { alternative, offer }];
    const constraints = this.#claims[claim]?.spec.devices?.constraints ?? [];
    if (!constraints.every((constraint) => isMet(constraint, next))) return false;
    if (!alternative.adminAccess && !this.#hasCounters(offer)) return false;
    chosen.push({ alternative, offer });
    if (!alternative.adminAccess) this.#used.add(id);
    return true;
  }

  #giveBack(claim: number, offer: Offer): void {
    const last = this.#chosen[claim]?.pop();
    if (last?.alternative.adminAccess === false) this.#used.delete(idOf(offer));
  }

  /** The pool's shared counters suffice for the device beside those in use (partitionable devices, KEP-4815). */
  #hasCounters({ driver, pool, device }: Offer): boolean {
    if ((device.consumesCounters ?? []).length === 0) return true;
    const slices =
      this.#market.pools.find((each) => each.driver === driver && each.name === pool)?.slices ?? [];
    const inUse = slices
      .flatMap(({ spec }) => spec.devices ?? [])
      .filter(({ name }) => {
        const id = deviceId({ driver, pool, device: name });
        return this.#market.taken.has(id) || this.#used.has(id);
      });
    const sets = slices.flatMap(({ spec }) => spec.sharedCounters ?? []);
    return (device.consumesCounters ?? []).every(({ counterSet, counters }) =>
      Object.keys(counters).every((name) => {
        const there = sets.find((set) => set.name === counterSet)?.counters[name];
        if (there === undefined) return false;
        const sum = [...inUse, device]
          .flatMap(({ consumesCounters = [] }) => consumesCounters)
          .filter((each) => each.counterSet === counterSet && each.counters[name] !== undefined)
          .reduce(
            (total, each) => addQuantity(total, parseQuantity(each.counters[name]?.value ?? "0")),
            zeroQuantity,
          );
        return compareQuantity(sum, parseQuantity(there.value)) <= 0;
      }),
    );
  }

  /** The node's devices that meet the request's rules; undefined where all are asked for and not all are known. */
  #candidates(alternative: Alternative): readonly Offer[] | undefined {
    const deviceClass = this.#market.classOf(alternative.className);
    if (deviceClass === undefined)
      throw new AllocationError(`could not retrieve device class ${alternative.className}: not found`);
    const selectors = [...(deviceClass.spec.selectors ?? []), ...alternative.selectors];
    const found: Offer[] = [];
    for (const { pool, offers } of this.#offers) {
      const matching = offers.filter((offer) => this.#meets(selectors, offer));
      if (matching.length > 0 && !pool.isComplete) {
        if (alternative.isAll) return undefined;
        continue;
      }
      found.push(
        ...matching.filter(({ device }) => isTolerated(device.taints ?? [], alternative.tolerations)),
      );
      if (
        alternative.isAll &&
        matching.some(({ device }) => !isTolerated(device.taints ?? [], alternative.tolerations))
      )
        return undefined;
    }
    return found;
  }

  #meets(selectors: readonly DeviceSelector[], { driver, device }: Offer): boolean {
    // Whether these are ready is known only after the pod has its node.
    if ((device.bindingConditions ?? []).length > 0) return false;
    try {
      return this.#market.selectors.match(selectors, driver, device);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new AllocationError(`device selector on device ${driver}/${device.name}: ${why}`);
    }
  }

  results(): AllocationResult[] {
    return this.#chosen.map((choices, index) => {
      const claim = this.#claims[index] as ResourceClaim; // one list a claim
      const results = choices.map(({ alternative: { name, adminAccess, tolerations }, offer }) => ({
        request: name,
        driver: offer.driver,
        pool: offer.pool,
        device: offer.device.name,
        ...(adminAccess ? { adminAccess } : {}),
        ...(tolerations.length === 0 ? {} : { tolerations }),
      }));
      const config = this.#configuration(claim, choices);
      const nodeSelector = selectorOf(choices.map(({ offer }) => offer));
      return {
        devices: { results, ...(config.length === 0 ? {} : { config }) },
        ...(nodeSelector === undefined ? {} : { nodeSelector }),
      };
    });
  }

  /** What classes and the claim say to the drivers, of the requests that were met. */
  #configuration(claim: ResourceClaim, choices: readonly Choice[]): DeviceAllocationConfiguration[] {
    const met = new Map(choices.map(({ alternative }) => [alternative.name, alternative]));
    const ofClasses = [...met.values()].flatMap(({ name, className }) =>
      (this.#market.classOf(className)?.spec.config ?? []).map((each) => ({
        ...each,
        source: "FromClass",
        requests: [name],
      })),
    );
    const ofClaim = (claim.spec.devices?.config ?? [])
      .filter(
        ({ requests = [] }) =>
          requests.length === 0 || [...met.keys()].some((name) => concerns(requests, name)),
      )
      .map((each) => ({ ...each, source: "FromClaim" }));
    return [...ofClasses, ...ofClaim];
  }
}

function idOf({ driver, pool, device }: Offer): string {
  return deviceId({ driver, pool, device: device.name });
}

function alternativesOf({ name, exactly, firstAvailable = [] }: DeviceRequest): readonly Alternative[] {
  if (exactly !== undefined) return [alternativeOf(name, exactly, exactly.adminAccess === true)];
  return firstAvailable.map((each) => alternativeOf(`${name}/${each.name}`, each, false));
}

function alternativeOf(
  name: string,
  request: Omit<NonNullable<DeviceRequest["exactly"]>, "adminAccess">,
  adminAccess: boolean,
): Alternative {
  const { deviceClassName, allocationMode, count = 1, selectors = [], tolerations = [] } = request;
  return {
    name,
    className: deviceClassName,
    isAll: allocationMode === "All",
    count,
    selectors,
    tolerations,
    adminAccess,
  };
}

/** A list of requests names the request as a whole, or the very subrequest. */
function concerns(requests: readonly string[], name: string): boolean {
  return requests.includes(name) || requests.includes(name.split("/")[0] ?? name);
}

/** All devices of the requests it concerns have the attribute, and the same value of it. */
function isMet({ matchAttribute, requests = [] }: DeviceConstraint, choices: readonly Choice[]): boolean {
  // One of another kind is from a later version: nothing is known to meet it.
  if (matchAttribute === undefined) return false;
  const concerned = choices.filter(
    ({ alternative }) => requests.length === 0 || concerns(requests, alternative.name),
  );
  const values = concerned.map(({ offer: { driver, device } }) => {
    const found = Object.entries(device.attributes ?? {}).find(
      ([name]) => qualified(driver, name).join("/") === matchAttribute,
    );
    return found === undefined ? undefined : JSON.stringify(found[1]);
  });
  return values.every((value) => value !== undefined && value === values[0]);
}

function isTolerated(
  taints: NonNullable<Offer["device"]["taints"]>,
  tolerations: readonly DeviceToleration[],
): boolean {
  return taints.every(
    ({ key, value, effect }) =>
      effect === "None" ||
      isTaintTolerated({ key, effect, ...(value === undefined ? {} : { value }) }, tolerations),
  );
}
