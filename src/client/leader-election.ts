import { leases } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { assert } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "./client.ts";
import {
  type ElectionConfig,
  type ElectionEffect,
  type ElectionInput,
  type ElectionState,
  holdsLease,
  initialElectionState,
  releasedLease,
  stepElection,
} from "./leader-election-machine.ts";

/** What is known to the one that leads. */
export interface Leadership {
  /** Aborted when leading must stop: the lease was lost, or the election is being shut down. */
  readonly signal: AbortSignal;
  /** False as soon as another may lead, even if this process was paused and `signal` has not been told yet. */
  isLeader(): boolean;
}

/** Which lease, who competes for it, and what is done once it is held (client-go's LeaderElectionConfig). */
export interface LeaderElectionOptions {
  readonly client: Pick<Client, "get" | "create" | "update">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Unique to this process: "hostname_uuid". */
  readonly identity: string;
  /** 15 s, 10 s and 2 s unless said; each must be well above the next. */
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  /** Called once the lease is held. When it settles the lease is released. */
  lead(leadership: Leadership): Promise<void>;
  readonly onNewLeader?: (identity: string) => void;
}

/**
 * Waits for the lease, leads while it is held, and resolves: "lost" when it could not be kept, "released" when `lead`
 * resolved or the signal aborted and the lease was given up. On shutdown the lease is kept until `lead` has settled, so that
 * no other leads meanwhile. Rejects with what `lead` rejected with.
 */
export function runLeaderElection(
  options: LeaderElectionOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<"lost" | "released"> {
  return new Election(options, signal).run();
}

class Election {
  readonly #options: LeaderElectionOptions;
  readonly #config: ElectionConfig;
  readonly #stop: AbortSignal;
  readonly #leading = new AbortController();
  #state: ElectionState = initialElectionState;
  #wait: Timer | undefined;
  #deadline: Timer | undefined;
  #request = new AbortController();
  #work: Promise<void> | undefined;
  #knownLeader = "";
  #end: (outcome: "lost" | "released") => void = () => {};

  constructor(options: LeaderElectionOptions, stop: AbortSignal) {
    const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
    assert(leaseDurationMs > renewDeadlineMs, "the lease lasts longer than the renew deadline");
    assert(renewDeadlineMs > retryPeriodMs * 2.2, "the renew deadline leaves room for retries");
    this.#options = options;
    this.#config = {
      ...options.lease,
      identity: options.identity,
      leaseDurationMs,
      renewDeadlineMs,
      retryPeriodMs,
    };
    this.#stop = stop;
  }

  async run(): Promise<"lost" | "released"> {
    if (this.#stop.aborted) return "released";
    const onStop = () => this.#shutDown();
    this.#stop.addEventListener("abort", onStop, { once: true });
    const outcome = await new Promise<"lost" | "released">((resolve) => {
      this.#end = resolve;
      this.#feed({ type: "start" });
    });
    this.#stop.removeEventListener("abort", onStop);
    this.#quiet();
    try {
      await this.#work;
    } finally {
      if (outcome === "released") await this.#release();
    }
    return outcome;
  }

  #feed(input: ElectionInput): void {
    const { clock, random } = this.#options;
    const { state, effects } = stepElection(this.#state, input, {
      config: this.#config,
      nowMs: clock.now(),
      random,
    });
    this.#state = state;
    this.#reportLeader();
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ElectionEffect): void {
    const { clock, logger } = this.#options;
    switch (effect.do) {
      case "read":
      case "create":
      case "update":
        void this.#send(effect);
        break;
      case "wait": {
        const { delayMs } = effect;
        this.#wait = clock.setTimer(delayMs, () => this.#feed({ type: "waited", delayMs }));
        break;
      }
      case "armDeadline":
        this.#deadline?.cancel();
        this.#deadline = clock.setTimer(effect.delayMs, () => this.#feed({ type: "deadline" }));
        break;
      case "lead":
        logger.info({ lease: this.#options.lease }, "became the leader");
        this.#work = this.#lead();
        break;
      case "lose":
        logger.warn({ lease: this.#options.lease }, "lost the lease, stopped leading");
        this.#leading.abort(new Error("the leader lease was lost"));
        this.#end("lost");
    }
  }

  async #lead(): Promise<void> {
    const { clock, lead } = this.#options;
    let isOver = false;
    try {
      await lead({
        signal: this.#leading.signal,
        isLeader: () =>
          !isOver &&
          !this.#leading.signal.aborted &&
          holdsLease(this.#state, { config: this.#config, nowMs: clock.now() }),
      });
    } finally {
      isOver = true; // the lease is given up next
      this.#end("released");
    }
  }

  /** A leader leads to the end of its work, renewing; a follower just goes. */
  #shutDown(): void {
    if (this.#work === undefined) this.#end("released");
    else this.#leading.abort(this.#stop.reason);
  }

  async #send(effect: ElectionEffect & { do: "read" | "create" | "update" }): Promise<void> {
    const { client, clock, lease, logger } = this.#options;
    const request = new AbortController();
    this.#request = request;
    const timeout = clock.setTimer(this.#config.renewDeadlineMs / 2, () =>
      request.abort(new Error("no answer in time")),
    );
    const { signal } = request;
    let input: ElectionInput;
    try {
      if (effect.do === "read") input = { type: "read", lease: await client.get(leases, lease, { signal }) };
      else if (effect.do === "create")
        input = { type: "written", lease: await client.create(leases, effect.lease, { signal }) };
      else input = { type: "written", lease: await client.update(leases, effect.lease, { signal }) };
    } catch (error) {
      const absent = effect.do === "read" && isApiError(error, "NotFound");
      if (!absent) logger.debug({ lease, err: error, doing: effect.do }, "leader election request failed");
      input = absent ? { type: "read", lease: undefined } : { type: "failed" };
    }
    timeout.cancel();
    if (this.#request === request) this.#feed(input);
  }

  #reportLeader(): void {
    const leader = this.#state.lease?.spec.holderIdentity ?? "";
    if (leader === this.#knownLeader || leader === "") return;
    this.#knownLeader = leader;
    this.#options.onNewLeader?.(leader);
  }

  /** Nothing fires or answers any more. */
  #quiet(): void {
    this.#wait?.cancel();
    this.#deadline?.cancel();
    const request = this.#request;
    this.#request = new AbortController();
    request.abort(new Error("the election has ended"));
  }

  async #release(): Promise<void> {
    const { client, clock, identity, logger, lease: name } = this.#options;
    const timeout = new AbortController();
    const timer = clock.setTimer(this.#config.renewDeadlineMs / 2, () => timeout.abort());
    try {
      if (this.#work === undefined) return;
      // Read again: a renewal may have been under way when all was stopped.
      const lease = await client.get(leases, name, { signal: timeout.signal });
      if (lease.spec.holderIdentity !== identity) return;
      await client.update(leases, releasedLease(lease, clock.now()), { signal: timeout.signal });
      logger.info({ lease: name }, "released the lease");
    } catch (error) {
      logger.warn({ lease: name, err: error }, "could not release the lease; it will expire");
    } finally {
      timer.cancel();
    }
  }
}
