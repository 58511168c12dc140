import { failure, internalError, invalid } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { Place, Reservation, StoreHooks } from "../registry/store-calls.ts";
import type { AddressObjects } from "./address-objects.ts";
import { AddressPools, type Claim } from "./address-pools.ts";
import type { AddressRange, IpFamily } from "./address-range.ts";
import { Attempt } from "./attempt.ts";
import { Claims, portBand } from "./claims.ts";
import { withIpFamilies } from "./ip-families.ts";
import { followServiceCidrs } from "./service-cidr-ranges.ts";
import type { ServicePort, ServiceSpec } from "./service-spec.ts";
import {
  clusterIpsOf,
  needsClusterIp,
  needsHealthCheckNodePort,
  needsNodePorts,
  nodePortsOf,
  serviceSpecOf,
  withServiceSpec,
} from "./service-spec.ts";

export interface AllocationsDependencies {
  /** At most one of each family; the first is the default. */
  readonly ranges: readonly AddressRange[];
  readonly nodePorts: { readonly first: number; readonly last: number };
  readonly random: Random;
  readonly logger: Logger;
  readonly services: () => WatchCache;
  /** Further ranges; undefined: the kind is not served. */
  readonly serviceCidrs: () => WatchCache | undefined;
  readonly addressObjects: AddressObjects;
  /** Ends the watch of services. */
  readonly signal: AbortSignal;
}

interface Held {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

/** Holds, for the length of a write, what no service of this server holds. */
const foreignOwner = "\u0000another";

/** As upstream: no fault of the object, but an error, for it is found while ports are given out. */
function checkNoDuplicates({ ports = [] }: ServiceSpec): void {
  const seen = new Set<string>();
  for (const { protocol = "TCP", nodePort = 0 } of ports) {
    const named = `{${protocol} ${nodePort}}`;
    if (nodePort > 0 && seen.has(named)) throw failure(500, "", `duplicate nodePort: ${named}`);
    seen.add(named);
  }
}

function placeOf({ metadata: { namespace = "", name = "" } }: AnyObject): Place {
  return { namespace, name };
}

const serviceKind = { group: "", kind: "Service" };

/**
 * Which cluster IPs and node ports services hold. Built from the services themselves and kept by a watch of them, so a
 * restart, another server or an edit by hand leaves nothing that must be repaired.
 */
export class ServiceAllocations implements StoreHooks {
  readonly #pools: AddressPools;
  readonly #objects: AddressObjects;
  readonly #ports: Claims;
  readonly #portRange: string;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #held = new Map<string, Held>();
  readonly #services: () => WatchCache;
  readonly #serviceCidrs: () => WatchCache | undefined;
  readonly #signal: AbortSignal;
  #loaded: Promise<void> | undefined;

  constructor(dependencies: AllocationsDependencies) {
    const { ranges, nodePorts, random, logger, services, serviceCidrs, signal } = dependencies;
    this.#services = services;
    this.#serviceCidrs = serviceCidrs;
    this.#objects = dependencies.addressObjects;
    this.#signal = signal;
    this.#pools = new AddressPools(ranges);
    const size = nodePorts.last - nodePorts.first + 1;
    this.#ports = new Claims({ first: nodePorts.first, size, lowerBand: portBand(size) });
    this.#portRange = `${nodePorts.first}-${nodePorts.last}`;
    this.#random = random;
    this.#logger = logger;
  }

  /** Resolves when it is known what services hold; writes wait for it. */
  ready(): Promise<void> {
    this.#loaded ??= this.#follow(this.#services(), this.#signal).catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #follow(services: WatchCache, signal: AbortSignal): Promise<void> {
    const cidrs = this.#serviceCidrs();
    if (cidrs !== undefined)
      await followServiceCidrs(cidrs, {
        pools: this.#pools,
        held: () => this.#heldAddresses(),
        logger: this.#logger,
        signal,
      });
    const { items, revision } = await services.list({ selection: { namespace: "" }, signal });
    for (const { object } of items) this.#take(object);
    const observe = async () => {
      let after = revision;
      while (!signal.aborted) {
        const watch = await services.watch({ selection: { namespace: "" }, afterRevision: after, signal });
        for await (const batch of watch)
          for (const event of batch) {
            after = event.revision;
            if (event.type === "DELETED") this.#release(objectKey(event.object));
            else if (event.type !== "BOOKMARK") this.#take(event.object);
          }
      }
    };
    observe().catch((error: unknown) => {
      if (!signal.aborted) this.#logger.error({ error }, "services can no longer be followed");
    });
  }

  async beginCreate(service: AnyObject, { dryRun }: { readonly dryRun: boolean }): Promise<Reservation> {
    await this.ready();
    return this.#reserve(service, undefined, dryRun);
  }

  async beginUpdate(
    service: AnyObject,
    old: AnyObject,
    { dryRun }: { readonly dryRun: boolean },
  ): Promise<Reservation> {
    await this.ready();
    return this.#reserve(service, old, dryRun);
  }

  afterDelete(service: AnyObject): void {
    this.#release(objectKey(service));
    for (const address of clusterIpsOf(serviceSpecOf(service)))
      this.#objects.letGo(address, placeOf(service));
  }

  /**
   * The service with all it needs; what was claimed for it is given back when its write comes to nothing. An address
   * that somebody else holds, another server or who made an IPAddress by hand, is passed over for another one.
   */
  async #reserve(service: AnyObject, old: AnyObject | undefined, dryRun: boolean): Promise<Reservation> {
    const before = old === undefined ? [] : clusterIpsOf(serviceSpecOf(old));
    const passedOver = new Attempt(foreignOwner, []);
    try {
      for (;;) {
        const attempt = new Attempt(objectKey(service), old === undefined ? [] : [...this.#claimsOf(old)]);
        const object = this.#complete(service, old, attempt);
        const addresses = clusterIpsOf(serviceSpecOf(object)).filter((address) => !before.includes(address));
        const taken = dryRun ? undefined : await this.#hold(object, addresses, attempt);
        if (taken === undefined)
          return {
            object,
            finish: (committed) => this.#finish(object, { attempt, before, addresses, committed, dryRun }),
          };
        if (clusterIpsOf(serviceSpecOf(service)).includes(taken))
          throw this.#refuseAddress(service, taken, "provided IP is already allocated");
        for (const [claims, index] of this.#pools.claimsOf(taken))
          if (claims.claim(index, foreignOwner)) passedOver.claimed(claims, index);
      }
    } finally {
      passedOver.undo();
    }
  }

  /** The address that another holds; then nothing is held, and nothing claimed any more. */
  async #hold(
    service: AnyObject,
    addresses: readonly string[],
    attempt: Attempt,
  ): Promise<string | undefined> {
    const held: string[] = [];
    const giveBack = () => {
      attempt.undo();
      for (const address of held) this.#objects.letGo(address, placeOf(service));
    };
    try {
      for (const address of addresses) {
        if (!(await this.#objects.hold(address, placeOf(service)))) {
          giveBack();
          return address;
        }
        held.push(address);
      }
      return undefined;
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  #finish(
    service: AnyObject,
    {
      attempt,
      before,
      addresses,
      committed,
      dryRun,
    }: {
      readonly attempt: Attempt;
      readonly before: readonly string[];
      readonly addresses: readonly string[];
      readonly committed: boolean;
      readonly dryRun: boolean;
    },
  ): void {
    const after = clusterIpsOf(serviceSpecOf(service));
    const released = committed ? before.filter((address) => !after.includes(address)) : addresses;
    if (committed) this.#take(service);
    else attempt.undo();
    if (!dryRun) for (const address of released) this.#objects.letGo(address, placeOf(service));
  }

  #complete(service: AnyObject, old: AnyObject | undefined, attempt: Attempt): AnyObject {
    try {
      let spec = withIpFamilies(service, old, this.#pools.families);
      spec = this.#withAddresses(service, spec, attempt);
      if (old === undefined) this.#checkDistinctPorts(service, spec);
      else checkNoDuplicates(spec);
      spec = this.#withNodePorts(service, spec, attempt, old === undefined);
      return spec === service.spec ? service : withServiceSpec(service, spec);
    } catch (error) {
      attempt.undo();
      throw error;
    }
  }

  #withAddresses(service: AnyObject, spec: ServiceSpec, attempt: Attempt): ServiceSpec {
    if (spec.type === "ExternalName") return spec;
    if (!needsClusterIp(spec)) return { ...spec, clusterIPs: ["None"] };
    const given = clusterIpsOf(spec);
    const addresses = (spec.ipFamilies ?? []).map((family, index) => {
      const requested = given[index];
      if (!this.#pools.families.includes(family))
        throw this.#refuse(service, "spec.ipFamilies", spec.ipFamilies, `not configured on this cluster`);
      return requested === undefined
        ? this.#anyAddress(family, attempt)
        : this.#namedAddress(service, family, requested, attempt);
    });
    const [first] = addresses;
    return first === undefined ? spec : { ...spec, clusterIP: first, clusterIPs: addresses };
  }

  #anyAddress(family: IpFamily, attempt: Attempt): string {
    const found = this.#pools.claimAny(family, attempt.owner, this.#random);
    if (found === undefined) throw internalError(`failed to allocate a serviceIP: range is full`);
    for (const [claims, index] of found.claims) attempt.claimed(claims, index);
    return found.address;
  }

  #namedAddress(service: AnyObject, family: IpFamily, address: string, attempt: Attempt): string {
    const isKept = attempt.keeps(this.#pools.claimsOf(address));
    if (!isKept && !this.#pools.offers(family, address))
      throw this.#refuseAddress(service, address, "the provided network does not match the current range");
    for (const [claims, index] of this.#pools.claimsOf(address))
      this.#claim(claims, index, attempt, () =>
        this.#refuseAddress(service, address, "provided IP is already allocated"),
      );
    return address;
  }

  #refuseAddress(service: AnyObject, address: string, why: string): Error {
    const all = clusterIpsOf(serviceSpecOf(service));
    return this.#refuse(service, "spec.clusterIPs", all, `failed to allocate IP ${address}: ${why}`);
  }

  #withNodePorts(service: AnyObject, spec: ServiceSpec, attempt: Attempt, isNew: boolean): ServiceSpec {
    let complete = spec;
    // Those asked for by number come first: a random choice must not take one of them.
    spec.ports?.forEach(({ nodePort = 0 }, index) => {
      if (nodePort > 0) this.#namedPort(service, `spec.ports[${index}].nodePort`, nodePort, attempt);
    });
    if (needsNodePorts(spec)) {
      const ports: ServicePort[] = [];
      for (const port of spec.ports ?? []) {
        // Of a new service, one port served over two protocols (DNS) is one port of the node, too.
        const twins = isNew ? [...ports, ...(spec.ports ?? [])] : [];
        ports.push({ ...port, nodePort: this.#portFor(port, twins, attempt) });
      }
      complete = { ...complete, ports };
    }
    if (!needsHealthCheckNodePort(spec)) return complete;
    const requested = spec.healthCheckNodePort ?? 0;
    if (requested > 0)
      this.#claimPort(requested, attempt, (why) =>
        internalError(`failed to allocate requested HealthCheck NodePort ${requested}: ${why}`),
      );
    return { ...complete, healthCheckNodePort: requested > 0 ? requested : this.#anyPort(attempt) };
  }

  /** A new service names a port of the node once, but for a port that is served over two protocols. */
  #checkDistinctPorts(service: AnyObject, { ports = [] }: ServiceSpec): void {
    const taken = new Map<number, number>();
    for (const [index, { port, nodePort = 0 }] of ports.entries()) {
      if (nodePort === 0) continue;
      if ((taken.get(nodePort) ?? port) !== port)
        throw this.#refuse(
          service,
          `spec.ports[${index}].nodePort`,
          nodePort,
          "provided port is already allocated",
        );
      taken.set(nodePort, port);
    }
  }

  #portFor(port: ServicePort, others: readonly ServicePort[], attempt: Attempt): number {
    if (port.nodePort !== undefined && port.nodePort > 0) return port.nodePort;
    const twin = others.find(
      (other) => other.port === port.port && other.protocol !== port.protocol && (other.nodePort ?? 0) > 0,
    );
    return twin?.nodePort ?? this.#anyPort(attempt);
  }

  #anyPort(attempt: Attempt): number {
    const port = this.#ports.claimAny(attempt.owner, this.#random);
    if (port === undefined) throw internalError("failed to allocate a nodePort: range is full");
    attempt.claimed(this.#ports, port);
    return port;
  }

  #namedPort(service: AnyObject, path: string, port: number, attempt: Attempt): void {
    this.#claimPort(port, attempt, (why) => this.#refuse(service, path, port, why));
  }

  #claimPort(port: number, attempt: Attempt, refusal: (why: string) => Error): void {
    if (!this.#ports.contains(port))
      throw refusal(
        `provided port is not in the valid range. The range of valid ports is ${this.#portRange}`,
      );
    this.#claim(this.#ports, port, attempt, () => refusal("provided port is already allocated"));
  }

  #claim(claims: Claims, number: number, attempt: Attempt, refusal: () => Error): void {
    const before = claims.ownerOf(number);
    if (!claims.claim(number, attempt.owner)) throw refusal();
    if (before === undefined) attempt.claimed(claims, number);
  }

  #refuse(service: AnyObject, path: string, value: unknown, why: string): Error {
    return invalid(serviceKind, service.metadata.name ?? "", [field.invalid(path, value, why)]);
  }

  /** What a stored service holds is its own, and what it held before and no longer names is free. */
  #take(service: AnyObject): void {
    const owner = objectKey(service);
    const spec = serviceSpecOf(service);
    const held: Held = { addresses: clusterIpsOf(spec), ports: nodePortsOf(spec) };
    const before = this.#held.get(owner);
    for (const [claims, number] of this.#claimsOf(service)) claims.claim(number, owner);
    this.#held.set(owner, held);
    if (before === undefined) return;
    const now = this.#numbersOf(held);
    for (const [claims, number] of this.#numbersOf(before))
      if (!now.some(([pool, has]) => pool === claims && has === number)) claims.release(number, owner);
  }

  *#heldAddresses(): Iterable<readonly [address: string, owner: string]> {
    for (const [owner, { addresses }] of this.#held) for (const address of addresses) yield [address, owner];
  }

  #release(owner: string): void {
    const held = this.#held.get(owner);
    if (held === undefined) return;
    for (const [claims, number] of this.#numbersOf(held)) claims.release(number, owner);
    this.#held.delete(owner);
  }

  #claimsOf(service: AnyObject): readonly Claim[] {
    const spec = serviceSpecOf(service);
    return this.#numbersOf({ addresses: clusterIpsOf(spec), ports: nodePortsOf(spec) });
  }

  #numbersOf({ addresses, ports }: Held): readonly Claim[] {
    const ofPorts = ports.map((port): Claim => [this.#ports, port]);
    return [...ofPorts, ...addresses.flatMap((address) => this.#pools.claimsOf(address))];
  }
}
