import { type ApiError, expired, failure, type StatusReason } from "../apimachinery/api-error.ts";
import { decodeContinue } from "../apiserver/registry/continue-token.ts";
import type { RequestContext } from "../apiserver/server.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import type { Random } from "../base/random.ts";
import type { ApiRequest, ApiResponse } from "../client/exchange.ts";
import { TransportError } from "../client/transport-error.ts";
import type { Entrance } from "../cmd/compose/api-server.ts";
import { milliseconds } from "./duration.ts";
import {
  type Asked,
  askedOf,
  checkMatch,
  isFrom,
  matches,
  matchNames,
  type RequestMatch,
  type Who,
} from "./request-match.ts";
import { WatchRelay } from "./watch-relay.ts";

/** Something that goes wrong until it is healed; `using` heals it at the end of the block. */
export interface Fault extends Disposable {
  /** Requests it has hit so far. */
  readonly hits: number;
  heal(): void;
}

/** Which requests a fault hits, and how many of them. */
export interface FaultOptions extends RequestMatch {
  /** How many requests it hits before it is over; default: until it is healed. */
  readonly times?: number;
  /** The share of the requests that are meant which it hits, drawn from the cluster's seed; default 1. */
  readonly chance?: number;
}

/** What is answered in the server's place, besides the code. */
export interface AnswerOptions extends FaultOptions {
  /** Sent as Retry-After. */
  readonly retryAfterSeconds?: number;
  readonly reason?: StatusReason;
  readonly message?: string;
}

/**
 * What can go wrong between the API server and those who ask it. Nothing in the server knows of it: requests are caught on their
 * way in, of clients in this process as of those that come over the network. Chances are drawn from the cluster's seed.
 */
export interface Faults {
  /** Cuts the watches that are open now; with `silent`, they stay open and say nothing more. Returns how many. */
  dropWatches(match?: RequestMatch & { readonly silent?: boolean }): number;
  /**
   * History is gone up to now: watches that are open end with 410, and a watch or the rest of a list from an older version
   * is answered with 410, until `heal`. Returns how many watches were open.
   */
  expire(match?: RequestMatch): number;
  /** Answers in the server's place: 429, 500, 503, 409 … Nothing reaches the server. */
  answer(code: number, options?: AnswerOptions): Fault;
  /** Requests, and what watches report, come later by this much, or by something between two bounds. */
  latency(
    delay: string | number | readonly [string | number, string | number],
    options?: FaultOptions,
  ): Fault;
  /**
   * Cuts this client, node or component off: its watches end and it can no longer connect. With `silent` nothing tells it:
   * packets vanish, and requests hang until they are given up or the partition is healed.
   */
  partition(who: Who | readonly Who[], options?: { readonly silent?: boolean }): Fault;
  /** The request is carried out, and its answer is lost on the way back. */
  loseAnswers(options?: FaultOptions): Fault;
  /** Ends all faults. */
  heal(): void;
}

interface FaultsDependencies {
  readonly clock: Clock;
  readonly random: Random;
  /** The store's, to know what is history. */
  readonly revision: () => number;
}

type Effect =
  | { readonly type: "answer"; readonly error: ApiError }
  | { readonly type: "delay"; readonly fromMs: number; readonly toMs: number }
  | { readonly type: "partition"; readonly silent: boolean; readonly healed: Promise<void> }
  | { readonly type: "lose" };

interface Active {
  readonly effect: Effect;
  readonly hits: (asked: Asked) => boolean;
}

/** The faults of one cluster, and the way into its API server that they lie on. */
export function createFaults(dependencies: FaultsDependencies): {
  readonly faults: Faults;
  readonly intercept: (server: Entrance) => Entrance;
} {
  const way = new FaultyWay(dependencies);
  return {
    faults: way,
    intercept: (server) => ({
      handle: (request, context) => way.handle(server, request, context),
      upgrade: async (request, context) => {
        const refused = await way.before(askedOf(request, context), request);
        return refused === undefined ? server.upgrade(request, context) : { refusal: refused };
      },
    }),
  };
}

class FaultyWay implements Faults {
  readonly #dependencies: FaultsDependencies;
  readonly #active = new Set<Active>();
  readonly #watches = new Map<WatchRelay, Asked>();
  readonly #healing: (() => void)[] = [];
  #expired: { readonly match: RequestMatch; readonly below: number }[] = [];

  constructor(dependencies: FaultsDependencies) {
    this.#dependencies = dependencies;
  }

  dropWatches(options: RequestMatch & { readonly silent?: boolean } = {}): number {
    checkNames("dropWatches", options, { ...matchNames, silent: true });
    checkMatch("dropWatches", options);
    const { silent = false, ...match } = options;
    const watches = this.#watchesOf((asked) => matches(match, asked));
    for (const watch of watches) {
      if (silent) watch.silence();
      else watch.cut();
    }
    return watches.length;
  }

  expire(match: RequestMatch = {}): number {
    checkNames("expire", match, matchNames);
    checkMatch("expire", match);
    this.#expired.push({ match, below: this.#dependencies.revision() });
    const watches = this.#watchesOf((asked) => matches(match, asked));
    const object = expired("The resourceVersion for the provided watch is too old.").status;
    for (const watch of watches) watch.end([{ type: "ERROR", object: { ...object, metadata: {} } }]);
    return watches.length;
  }

  answer(code: number, options: AnswerOptions = {}): Fault {
    checkNames("answer", options, { ...faultNames, retryAfterSeconds: true, reason: true, message: true });
    if (!Number.isInteger(code) || code < 400 || code > 599)
      throw new Error(`answer: the code of an error is from 400 to 599, not ${code}`);
    checkFault("answer", options);
    const { retryAfterSeconds, reason = reasonOf[code] ?? "InternalError", message } = options;
    const details = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
    const error = failure(code, reason, message ?? `a fault of the test: ${code} ${reason}`, details);
    return this.#begin({ type: "answer", error }, options);
  }

  latency(
    delay: string | number | readonly [string | number, string | number],
    options: FaultOptions = {},
  ): Fault {
    checkNames("latency", options, faultNames);
    checkFault("latency", options);
    const [from, to] = typeof delay === "object" ? delay : [delay, delay];
    return this.#begin({ type: "delay", fromMs: milliseconds(from), toMs: milliseconds(to) }, options);
  }

  partition(who: Who | readonly Who[], options: { readonly silent?: boolean } = {}): Fault {
    checkNames("partition", options, { silent: true });
    const { silent = false } = options;
    const names = typeof who === "string" ? [who] : who;
    const cutOff = ({ userName }: Asked) => names.some((name) => isFrom(name, userName));
    const { promise: healed, resolve } = Promise.withResolvers<void>();
    const fault = this.#begin({ type: "partition", silent, healed }, { who: names }, resolve);
    for (const watch of this.#watchesOf(cutOff)) {
      if (silent) watch.silence();
      else watch.cut();
    }
    return fault;
  }

  loseAnswers(options: FaultOptions = {}): Fault {
    checkNames("loseAnswers", options, faultNames);
    checkFault("loseAnswers", options);
    return this.#begin({ type: "lose" }, options);
  }

  heal(): void {
    this.#expired = [];
    for (const heal of this.#healing.splice(0)) heal();
    for (const watch of this.#watches.keys()) if (watch.isSilent) watch.cut();
  }

  /** What is answered in the server's place; undefined: the request goes on to it. */
  async before(asked: Asked, request: ApiRequest): Promise<ApiResponse | undefined> {
    for (const { effect, hits } of [...this.#active]) {
      if (effect.type === "lose" || !hits(asked)) continue;
      switch (effect.type) {
        case "answer":
          return answerOf(effect.error);
        case "delay":
          await sleep(this.#dependencies.clock, this.#drawn(effect), { signal: request.signal });
          break;
        case "partition":
          if (!effect.silent) throw new TransportError("connection refused");
          await untilHealed(effect.healed, request.signal);
          throw new TransportError("connection reset");
      }
    }
    const gone = this.#expired.find(({ match }) => matches(match, asked));
    if (gone !== undefined && askedRevision(request) < gone.below)
      return answerOf(expired("The provided resource version is too old."));
    return undefined;
  }

  async handle(server: Entrance, request: ApiRequest, context: RequestContext): Promise<ApiResponse> {
    const isWatch = request.query.has("watch");
    if (!isWatch && this.#active.size === 0 && this.#expired.length === 0)
      return server.handle(request, context);
    const asked = askedOf(request, context);
    const answer = await this.before(asked, request);
    if (answer !== undefined) return answer;
    const abort = new AbortController();
    const signal = isWatch ? AbortSignal.any([request.signal, abort.signal]) : request.signal;
    const response = await server.handle({ ...request, signal }, context);
    await this.#after(asked, request.signal, abort);
    return response.type === "watch" ? this.#relayed(response, asked, { abort, signal }) : response;
  }

  /** Rejects where the answer does not get through. */
  async #after(asked: Asked, signal: AbortSignal, abort: AbortController): Promise<void> {
    for (const { effect, hits } of [...this.#active]) {
      if (effect.type !== "lose" && effect.type !== "partition") continue;
      if (!hits(asked)) continue;
      abort.abort(new TransportError("connection reset"));
      if (effect.type === "partition" && effect.silent) await untilHealed(effect.healed, signal);
      throw new TransportError("connection reset");
    }
  }

  #relayed(
    response: ApiResponse & { readonly type: "watch" },
    asked: Asked,
    { abort, signal }: { readonly abort: AbortController; readonly signal: AbortSignal },
  ): ApiResponse {
    const relay = new WatchRelay(response.events, {
      delayed: () => this.#delayOf(asked, signal),
      onEnd: () => {
        this.#watches.delete(relay);
        abort.abort(new TransportError("connection reset"));
      },
    });
    this.#watches.set(relay, asked);
    return { ...response, events: relay };
  }

  #delayOf(asked: Asked, signal: AbortSignal): Promise<void> | undefined {
    for (const { effect, hits } of this.#active)
      if (effect.type === "delay" && hits(asked))
        // A watch that is over waits for nothing; its source says so itself.
        return sleep(this.#dependencies.clock, this.#drawn(effect), { signal }).catch(() => undefined);
    return undefined;
  }

  #drawn({ fromMs, toMs }: Effect & { readonly type: "delay" }): number {
    return fromMs === toMs ? fromMs : fromMs + this.#dependencies.random.next() * (toMs - fromMs);
  }

  #watchesOf(isMeant: (asked: Asked) => boolean): WatchRelay[] {
    return [...this.#watches].filter(([, asked]) => isMeant(asked)).map(([watch]) => watch);
  }

  #begin(effect: Effect, { times, chance = 1, ...match }: FaultOptions, onHeal = () => {}): Fault {
    let hits = 0;
    const { random } = this.#dependencies;
    const active: Active = {
      effect,
      hits: (asked) => {
        if (!matches(match, asked) || (chance < 1 && random.next() >= chance)) return false;
        hits++;
        if (hits === times) this.#active.delete(active);
        return true;
      },
    };
    const heal = () => {
      this.#active.delete(active);
      onHeal();
      if (effect.type !== "partition") return;
      // What was sent meanwhile is lost: a connection that was silent turns out to be dead.
      for (const [watch, asked] of [...this.#watches])
        if (watch.isSilent && matches(match, asked)) watch.cut();
    };
    this.#active.add(active);
    this.#healing.push(heal);
    return {
      get hits() {
        return hits;
      },
      heal,
      [Symbol.dispose]: heal,
    };
  }
}

const faultNames: OptionNames<FaultOptions> = { ...matchNames, times: true, chance: true };

function checkFault(fault: string, options: FaultOptions): void {
  checkMatch(fault, options);
  const { times = 1, chance = 1 } = options;
  if (!Number.isInteger(times) || times < 1)
    throw new Error(`${fault}: times is a whole number from 1 on, not ${times}`);
  if (!(chance >= 0 && chance <= 1))
    throw new Error(`${fault}: chance is a share from 0 to 1, not ${chance}`);
}

function answerOf({ status }: ApiError): ApiResponse {
  const retryAfter = status.details?.retryAfterSeconds;
  return {
    type: "object",
    status: status.code ?? 500,
    headers: {
      "content-type": "application/json",
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    },
    object: status,
  };
}

/** The history that a request needs; Infinity: none. */
function askedRevision({ query }: ApiRequest): number {
  const token = query.get("continue");
  if (token !== null && token !== "") return decodeContinue(token, "/").revision ?? Number.POSITIVE_INFINITY;
  const version = query.has("watch") ? Number(query.get("resourceVersion") ?? "0") : 0;
  // 0 and nothing: from now on.
  return version > 0 ? version : Number.POSITIVE_INFINITY;
}

async function untilHealed(healed: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw signal.reason;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([healed, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

const reasonOf: Readonly<Record<number, StatusReason>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  422: "Invalid",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
  504: "Timeout",
};
