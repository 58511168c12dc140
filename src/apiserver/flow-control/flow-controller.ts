import { catchAllLevel, catchAllSchema, exemptLevel, exemptSchema } from "../../api/flowcontrol/bootstrap.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../../api/flowcontrol/types.generated.ts";
import type { Clock } from "../../base/clock.ts";
import { type Random, randomBelow } from "../../base/random.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { RequestInfo } from "../request-info.ts";
import { adjustBorrowing } from "./borrowing.ts";
import { byPrecedence, distinguisherOf, matchesSchema } from "./classification.ts";
import { FlowCounts } from "./flow-counts.ts";
import { limitsOf, PriorityLevel, sharesOf } from "./priority-level.ts";
import { type Route, Seat, type SeatHost } from "./seat.ts";
import { dealHand, flowHash } from "./shuffle-sharding.ts";
import { WatchCounts } from "./watch-counts.ts";
import {
  type EstimateSources,
  estimateWork,
  maxSeatsOf,
  type ResourceStats,
  type WorkEstimate,
} from "./work-estimate.ts";

export interface FlowControllerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What the server does at the same time, in seats. */
  readonly serverSeats: number;
  readonly statsOf: (info: RequestInfo) => ResourceStats | undefined;
}

/** Flows of one schema whose hands are remembered. */
const handLimit = 1024;
const hashSeeds = 2 ** 32;

/** API Priority and Fairness (KEP-1040): which requests are carried out now, which wait, and which are turned away. */
export class FlowController {
  readonly watches = new WatchCounts();
  readonly #options: FlowControllerOptions;
  readonly #seed: number;
  readonly #host: SeatHost;
  readonly #estimates: EstimateSources;
  readonly #counts = new Map<string, FlowCounts>();
  #levels: ReadonlyMap<string, PriorityLevel> = new Map();
  #routes: readonly Route[] = [];
  #objects: readonly PriorityLevelConfiguration[] = [];
  #schemas: readonly FlowSchema[] = [];
  #fairFraction = 0;

  /** Only the mandatory levels are there until the first `digest`. */
  constructor(options: FlowControllerOptions) {
    this.#options = options;
    this.#seed = randomBelow(options.random, hashSeeds);
    this.#host = {
      clock: options.clock,
      onIdle: () => this.digest(this.#objects, this.#schemas),
    };
    this.#estimates = {
      statsOf: options.statsOf,
      watchCountOf: (info) => this.watches.interestedIn(info),
    };
    this.digest([], []);
  }

  get levels(): Iterable<PriorityLevel> {
    return this.#levels.values();
  }

  get counts(): Iterable<FlowCounts> {
    return this.#counts.values();
  }

  get fairFraction(): number {
    return this.#fairFraction;
  }

  /** Whether a schema's level is there. */
  hasLevel(name: string): boolean {
    const level = this.#levels.get(name);
    return level !== undefined && !level.isQuiescing;
  }

  /** Works by these objects from now on. What is mandatory is imagined where it is missing. */
  digest(objects: readonly PriorityLevelConfiguration[], schemas: readonly FlowSchema[]): void {
    this.#objects = objects;
    this.#schemas = schemas;
    const nowMs = this.#options.clock.now();
    const levels = new Map<string, PriorityLevel>();
    for (const object of withMandatory(objects, [exemptLevel, catchAllLevel])) {
      const name = object.metadata.name ?? "";
      const level = this.#levels.get(name) ?? new PriorityLevel(object, nowMs);
      level.object = object;
      level.isQuiescing = false;
      levels.set(name, level);
    }
    for (const [name, level] of this.#levels) {
      if (levels.has(name) || level.queues.isIdle) continue;
      level.isQuiescing = true;
      levels.set(name, level);
    }
    this.#levels = levels;
    const shareSum = [...levels.values()].reduce((sum, { object }) => sum + sharesOf(object), 0);
    for (const level of levels.values())
      level.setLimits(limitsOf(level.object, shareSum, this.#options.serverSeats));
    this.#routes = withMandatory(schemas, [exemptSchema, catchAllSchema])
      .toSorted(byPrecedence)
      .flatMap((schema) => this.#routeOf(schema) ?? []);
    this.#forgetCounts();
    this.adjust();
  }

  /** Shares the seats anew by what the levels wanted since the last time: due every ten seconds. */
  adjust(): void {
    const nowMs = this.#options.clock.now();
    const levels = [...this.#levels.values()];
    const adjusted = adjustBorrowing(levels.map((level) => level.takeDemand(nowMs)));
    this.#fairFraction = adjusted.fairFraction;
    for (const [index, level] of levels.entries()) {
      const { current, target } = adjusted.levels[index] ?? { current: level.currentSeats, target: 0 };
      level.use(current, target, nowMs);
    }
  }

  /** Finds the request's place; it may have to wait for it. */
  begin(info: RequestInfo, user: UserInfo, query: URLSearchParams): Seat {
    const route = this.#find(info, user);
    const { level, schema, counts } = route;
    const estimate = this.#estimate(route, info, query);
    const waits = level.queues.queuing.type === "queue";
    const distinguisher = waits ? distinguisherOf(schema, info, user) : "";
    const request = level.queues.arrive(
      { estimate, counts, distinguisher, info, user },
      waits ? this.#handOf(route, distinguisher) : noHand,
      this.#options.clock.now(),
    );
    return new Seat(route, request, this.#host);
  }

  #estimate({ level, counts }: Route, info: RequestInfo, query: URLSearchParams): WorkEstimate {
    const estimate = estimateWork(info, query, level.maxSeatsPerRequest, this.#estimates);
    counts.estimatedSeats.observe(maxSeatsOf(estimate));
    // Nobody waits for the seats of those who never wait: that they linger would only cost timers.
    if (level.isExempt && estimate.additionalMs > 0) return { ...estimate, finalSeats: 0, additionalMs: 0 };
    return estimate;
  }

  #find(info: RequestInfo, user: UserInfo): Route {
    let last: Route | undefined;
    for (const route of this.#routes) {
      if (matchesSchema(route.schema, info, user)) return route;
      if (route.schema.metadata.name === "catch-all") last = route;
    }
    if (last === undefined) throw new Error("there is no schema for all the others");
    return last;
  }

  #handOf({ level, schema, hands }: Route, distinguisher: string): readonly number[] {
    const known = hands.get(distinguisher);
    if (known !== undefined) return known;
    const { queuing } = level.queues;
    if (queuing.type !== "queue") return noHand;
    const hash = flowHash(this.#seed, schema.metadata.name ?? "", distinguisher);
    const hand = dealHand(hash, queuing.queues, queuing.handSize);
    // Dealing anew costs little: whoever comes with endless names gets no memory for them.
    if (hands.size >= handLimit) hands.clear();
    hands.set(distinguisher, hand);
    return hand;
  }

  #routeOf(schema: FlowSchema): Route | undefined {
    const level = this.#levels.get(schema.spec.priorityLevelConfiguration.name);
    if (level === undefined || level.isQuiescing) return undefined;
    const schemaName = schema.metadata.name ?? "";
    const key = `${level.name}/${schemaName}`;
    let counts = this.#counts.get(key);
    if (counts === undefined) {
      counts = new FlowCounts(level.name, schemaName);
      this.#counts.set(key, counts);
    }
    return { schema, level, counts, headers: headersOf(schema, level), hands: new Map() };
  }

  /** Schemas come and go: what was counted of those that are gone goes with them. */
  #forgetCounts(): void {
    const inUse = new Set(this.#routes.map(({ counts }) => counts));
    for (const [key, counts] of this.#counts)
      if (!inUse.has(counts) && counts.executing + counts.waiting + counts.executingSeats === 0)
        this.#counts.delete(key);
  }
}

function withMandatory<T extends { readonly metadata: { readonly name?: string } }>(
  objects: readonly T[],
  mandatory: readonly T[],
): readonly T[] {
  const names = new Set(objects.map(({ metadata }) => metadata.name));
  return [...objects, ...mandatory.filter(({ metadata }) => !names.has(metadata.name))];
}

const noHand: readonly number[] = [0];

/** On every answer: by what the request was judged. */
function headersOf(schema: FlowSchema, level: PriorityLevel): Readonly<Record<string, string>> {
  const { uid: schemaUid } = schema.metadata;
  const { uid: levelUid } = level.object.metadata;
  return {
    ...(schemaUid === undefined ? {} : { "x-kubernetes-pf-flowschema-uid": schemaUid }),
    ...(levelUid === undefined ? {} : { "x-kubernetes-pf-prioritylevel-uid": levelUid }),
  };
}
