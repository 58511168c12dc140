import { internalError, invalid } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { Reservation, StoreHooks } from "../registry/store-calls.ts";
import type { AddressRange, IpFamily } from "./address-range.ts";
import { addressAt, familyOf, indexOf } from "./address-range.ts";
import { addressBand, Claims, portBand } from "./claims.ts";
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
  /** Ends the watch of services. */
  readonly signal: AbortSignal;
}

interface Pool {
  readonly range: AddressRange;
  readonly claims: Claims;
}

interface Held {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

const serviceKind = { group: "", kind: "Service" };

/**
 * Which cluster IPs and node ports services hold. Built from the services themselves and kept by a watch of them, so a
 * restart, another server or an edit by hand leaves nothing that must be repaired.
 */
export class ServiceAllocations implements StoreHooks {
  readonly #pools: readonly Pool[];
  readonly #ports: Claims;
  readonly #portRange: string;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #held = new Map<string, Held>();
  readonly #services: () => WatchCache;
  readonly #signal: AbortSignal;
  #loaded: Promise<void> | undefined;

  constructor({ ranges, nodePorts, random, logger, services, signal }: AllocationsDependencies) {
    this.#services = services;
    this.#signal = signal;
    this.#pools = ranges.map((range) => ({
      range,
      claims: new Claims({ first: 1, size: range.size, lowerBand: addressBand(range.size) }),
    }));
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

  async beginCreate(service: AnyObject): Promise<Reservation> {
    await this.ready();
    return this.#reserve(service, undefined);
  }

  async beginUpdate(service: AnyObject, old: AnyObject): Promise<Reservation> {
    await this.ready();
    return this.#reserve(service, old);
  }

  afterDelete(service: AnyObject): void {
    this.#release(objectKey(service));
  }

  /** The service with all it needs; what was claimed for it is given back when its write comes to nothing. */
  #reserve(service: AnyObject, old: AnyObject | undefined): Reservation {
    const attempt = new Attempt(objectKey(service), old === undefined ? [] : [...this.#claimsOf(old)]);
    try {
      let spec = serviceSpecOf(service);
      spec = this.#withFamilies(spec);
      spec = this.#withAddresses(service, spec, attempt);
      spec = this.#withNodePorts(service, spec, attempt);
      const object = spec === service.spec ? service : withServiceSpec(service, spec);
      return {
        object,
        finish: (committed) => {
          if (committed) this.#take(object);
          else attempt.undo();
        },
      };
    } catch (error) {
      attempt.undo();
      throw error;
    }
  }

  #withFamilies(spec: ServiceSpec): ServiceSpec {
    if (spec.type === "ExternalName") return spec;
    const available = this.#pools.map(({ range }) => range.family);
    const given = clusterIpsOf(spec).flatMap((address) => familyOf(address) ?? []);
    const named = (spec.ipFamilies ?? []).length > 0 ? (spec.ipFamilies ?? []) : given;
    const [first] = named.length > 0 ? named : available;
    if (first === undefined) return spec;
    const policy = spec.ipFamilyPolicy ?? (named.length > 1 ? "RequireDualStack" : "SingleStack");
    const wantsBoth = policy !== "SingleStack" && available.length > 1;
    const families: readonly IpFamily[] = wantsBoth
      ? [first, ...available.filter((family) => family !== first)]
      : named.length > 1
        ? named
        : [first];
    return { ...spec, ipFamilyPolicy: policy, ipFamilies: families };
  }

  #withAddresses(service: AnyObject, spec: ServiceSpec, attempt: Attempt): ServiceSpec {
    if (spec.type === "ExternalName") return spec;
    if (!needsClusterIp(spec)) return { ...spec, clusterIPs: ["None"] };
    const given = clusterIpsOf(spec);
    const addresses = (spec.ipFamilies ?? []).map((family, index) => {
      const pool = this.#pools.find(({ range }) => range.family === family);
      const requested = given[index];
      if (pool === undefined)
        throw this.#refuse(service, "spec.ipFamilies", spec.ipFamilies, `not configured on this cluster`);
      return requested === undefined
        ? this.#anyAddress(pool, attempt)
        : this.#namedAddress(service, pool, requested, given, attempt);
    });
    const [first] = addresses;
    return first === undefined ? spec : { ...spec, clusterIP: first, clusterIPs: addresses };
  }

  #anyAddress({ range, claims }: Pool, attempt: Attempt): string {
    const index = claims.claimAny(attempt.owner, this.#random);
    if (index === undefined) throw internalError(`failed to allocate a serviceIP: range is full`);
    attempt.claimed(claims, index);
    return addressAt(range, index);
  }

  #namedAddress(
    service: AnyObject,
    pool: Pool,
    address: string,
    all: readonly string[],
    attempt: Attempt,
  ): string {
    const { range, claims } = pool;
    const index = indexOf(range, address);
    const refuse = (why: string) =>
      this.#refuse(service, "spec.clusterIPs", all, `failed to allocate IP ${address}: ${why}`);
    if (index === undefined)
      throw refuse(
        `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${range.cidr}`,
      );
    this.#claim(claims, index, attempt, () => refuse("provided IP is already allocated"));
    return address;
  }

  #withNodePorts(service: AnyObject, spec: ServiceSpec, attempt: Attempt): ServiceSpec {
    let complete = spec;
    if (needsNodePorts(spec)) {
      const ports: ServicePort[] = [];
      // Those asked for by number come first: a random choice must not take one of them.
      spec.ports?.forEach(({ nodePort = 0 }, index) => {
        if (nodePort > 0) this.#namedPort(service, `spec.ports[${index}].nodePort`, nodePort, attempt);
      });
      for (const port of spec.ports ?? [])
        ports.push({ ...port, nodePort: this.#portFor(port, ports, attempt) });
      complete = { ...complete, ports };
    } else {
      spec.ports?.forEach(({ nodePort = 0 }, index) => {
        if (nodePort > 0) this.#namedPort(service, `spec.ports[${index}].nodePort`, nodePort, attempt);
      });
    }
    if (!needsHealthCheckNodePort(spec)) return complete;
    const requested = spec.healthCheckNodePort ?? 0;
    if (requested > 0) this.#namedPort(service, "spec.healthCheckNodePort", requested, attempt);
    return { ...complete, healthCheckNodePort: requested > 0 ? requested : this.#anyPort(attempt) };
  }

  #portFor(port: ServicePort, before: readonly ServicePort[], attempt: Attempt): number {
    if (port.nodePort !== undefined && port.nodePort > 0) return port.nodePort;
    // One port served over two protocols (DNS) is one port of the node, too.
    const twin = before.find((other) => other.port === port.port && other.protocol !== port.protocol);
    return twin?.nodePort ?? this.#anyPort(attempt);
  }

  #anyPort(attempt: Attempt): number {
    const port = this.#ports.claimAny(attempt.owner, this.#random);
    if (port === undefined) throw internalError("failed to allocate a nodePort: range is full");
    attempt.claimed(this.#ports, port);
    return port;
  }

  #namedPort(service: AnyObject, path: string, port: number, attempt: Attempt): void {
    const refuse = (why: string) => this.#refuse(service, path, port, why);
    if (!this.#ports.contains(port))
      throw refuse(`provided port is not in the valid range. The range of valid ports is ${this.#portRange}`);
    this.#claim(this.#ports, port, attempt, () => refuse("provided port is already allocated"));
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
    const now = new Set(
      this.#numbersOf(held).map(([claims, number]) => `${this.#poolIndex(claims)}/${number}`),
    );
    for (const [claims, number] of this.#numbersOf(before))
      if (!now.has(`${this.#poolIndex(claims)}/${number}`)) claims.release(number, owner);
  }

  #release(owner: string): void {
    const held = this.#held.get(owner);
    if (held === undefined) return;
    for (const [claims, number] of this.#numbersOf(held)) claims.release(number, owner);
    this.#held.delete(owner);
  }

  #claimsOf(service: AnyObject): readonly (readonly [Claims, number])[] {
    const spec = serviceSpecOf(service);
    return this.#numbersOf({ addresses: clusterIpsOf(spec), ports: nodePortsOf(spec) });
  }

  #numbersOf({ addresses, ports }: Held): readonly (readonly [Claims, number])[] {
    const numbers: (readonly [Claims, number])[] = ports.map((port) => [this.#ports, port] as const);
    for (const address of addresses)
      for (const { range, claims } of this.#pools) {
        const index = indexOf(range, address);
        if (index !== undefined) numbers.push([claims, index]);
      }
    return numbers;
  }

  #poolIndex(claims: Claims): number {
    return this.#pools.findIndex((pool) => pool.claims === claims);
  }
}

/** What one write has claimed so far. */
class Attempt {
  readonly owner: string;
  readonly #kept: readonly (readonly [Claims, number])[];
  readonly #claimed: (readonly [Claims, number])[] = [];

  /** `kept` is what the owner had before: never given back here. */
  constructor(owner: string, kept: readonly (readonly [Claims, number])[]) {
    this.owner = owner;
    this.#kept = kept;
  }

  claimed(claims: Claims, number: number): void {
    if (!this.#kept.some(([pool, had]) => pool === claims && had === number))
      this.#claimed.push([claims, number]);
  }

  undo(): void {
    for (const [claims, number] of this.#claimed) claims.release(number, this.owner);
  }
}
