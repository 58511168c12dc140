import type { Clock, Timer } from "../../base/clock.ts";
import { Heap } from "../../base/heap.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import { type ClusterEvent, eventLabel, matchesEvent, type RequeueRule } from "../framework/cluster-event.ts";
import { Rejection, type Verdict } from "../framework/status.ts";
import { changesOf } from "./pod-changes.ts";
import type { QueuedPod, QueuePlace } from "./queued-pod.ts";

export interface SchedulingQueueOptions {
  readonly clock: Clock;
  /** By plugin: the events after which a pod that it rejected is tried again. */
  readonly rules: ReadonlyMap<string, readonly RequeueRule<PodInfo>[]>;
  /** Whether a pod may be tried at all, and which plugin holds it back. */
  readonly preEnqueue?: (info: PodInfo) => { readonly plugin: string; readonly verdict: Verdict } | undefined;
  readonly initialBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** After this long a pod is tried again whatever happened. */
  readonly unschedulableLimitMs?: number;
  /** Told of every pod that comes to a place, and why. */
  readonly incoming?: (place: "active" | "backoff" | "unschedulable", event: string) => void;
}

const attemptFailed = "ScheduleAttemptFailure";

interface Ticket {
  readonly pod: QueuedPod;
  readonly ticket: number;
  readonly atMs: number;
}

/**
 * Pods that wait for a node (upstream's `PriorityQueue`): the active ones by priority, then by time; those that were
 * rejected wait for an event that a rejecting plugin has a rule for; those that come back too soon wait out their back-off.
 */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #options: SchedulingQueueOptions;
  readonly #initialBackoffMs: number;
  readonly #maxBackoffMs: number;
  readonly #unschedulableLimitMs: number;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #active = new Heap<Ticket>(isBefore);
  readonly #backoff = new Heap<Ticket>((left, right) => left.atMs < right.atMs);
  readonly #errorBackoff = new Heap<Ticket>((left, right) => left.atMs < right.atMs);
  /** In the order of their rejection. */
  readonly #unschedulable = new Map<string, QueuedPod>();
  /** How many unschedulable pods each plugin rejected: events that concern none of them cost nothing. */
  readonly #rejections = new Map<string, number>();
  #tickets = 0;
  #limitTimer: Timer | undefined;
  #errorTimer: Timer | undefined;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(options: SchedulingQueueOptions) {
    this.#clock = options.clock;
    this.#options = options;
    this.#initialBackoffMs = options.initialBackoffMs ?? 1000;
    this.#maxBackoffMs = options.maxBackoffMs ?? 10_000;
    this.#unschedulableLimitMs = options.unschedulableLimitMs ?? 300_000;
  }

  get size(): number {
    return this.#pods.size;
  }

  /** How many pods are in each place. */
  depths(): Readonly<Partial<Record<QueuePlace, number>>> {
    const depths: Partial<Record<QueuePlace, number>> = {};
    for (const { place } of this.#pods.values()) depths[place] = (depths[place] ?? 0) + 1;
    return depths;
  }

  /** How many pods wait because of each plugin. */
  rejections(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { place, rejectedBy } of this.#pods.values())
      if (place === "unschedulable" || place === "gated")
        for (const plugin of rejectedBy) counts.set(plugin, (counts.get(plugin) ?? 0) + 1);
    return counts;
  }

  /** Where a pod is; undefined where it is not known. */
  placeOf(uid: string): QueuePlace | undefined {
    return this.#pods.get(uid)?.place;
  }

  get(uid: string): QueuedPod | undefined {
    return this.#pods.get(uid);
  }

  add(info: PodInfo): QueuedPod {
    const nowMs = this.#clock.now();
    const known = this.#pods.get(info.uid);
    if (known !== undefined) {
      this.update(info);
      return known;
    }
    const pod: QueuedPod = {
      info,
      place: "scheduling",
      ticket: 0,
      attempts: 0,
      sinceMs: nowMs,
      firstAddedMs: nowMs,
      rejectedBy: new Set(),
    };
    this.#pods.set(info.uid, pod);
    this.#enqueue(pod, "UnscheduledPodAdd");
    return pod;
  }

  /** The object changed. What the change could bring about decides whether the pod is tried again. */
  update(info: PodInfo): void {
    const pod = this.#pods.get(info.uid);
    if (pod === undefined) {
      this.add(info);
      return;
    }
    const old = pod.info;
    pod.info = info;
    if (pod.place === "gated") this.#enqueue(pod, "UnscheduledPodUpdate");
    else if (pod.place === "unschedulable") {
      const actions = changesOf(old.pod, info.pod);
      const event: ClusterEvent = { resource: "target", actions, object: info.pod, old: old.pod };
      if (actions.length > 0 && this.#helps(pod, event)) this.#requeue(pod, event);
    } else if (pod.place === "active" && old.priority !== info.priority)
      this.#activate(pod, "UnscheduledPodUpdate");
  }

  delete(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#leave(pod);
    pod.ticket = -1;
    this.#pods.delete(uid);
    if (this.#pods.size === 0) this.#cancelTimers();
  }

  /** The next pod to try; undefined where none is due. It stays known until it is deleted or handed back. */
  pop(): QueuedPod | undefined {
    this.#endBackoffs();
    const next = this.#take(this.#active) ?? this.#take(this.#backoff);
    if (next === undefined) return undefined;
    this.#move(next, "scheduling");
    next.attempts++;
    return next;
  }

  /** Resolves once `pop` has something, or the queue is closed. */
  async ready(): Promise<void> {
    while (!this.#closed && !this.#hasNext()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** Hands back a pod that no node fits, with the plugins that said so. */
  reject(pod: QueuedPod, plugins: ReadonlySet<string>): void {
    if (this.#pods.get(pod.info.uid) !== pod) return;
    if (!this.#passesGates(pod)) return;
    pod.rejectedBy = plugins;
    this.#move(pod, "unschedulable");
    this.#options.incoming?.("unschedulable", attemptFailed);
    this.#unschedulable.set(pod.info.uid, pod);
    for (const plugin of waitedFor(plugins))
      this.#rejections.set(plugin, (this.#rejections.get(plugin) ?? 0) + 1);
    this.#armLimit();
  }

  /** Hands back a pod whose attempt failed for reasons that are not its own; it is tried again after its back-off. */
  retry(pod: QueuedPod): void {
    if (this.#pods.get(pod.info.uid) === pod) this.#retryLater(pod);
  }

  /** What a rejected pod was promised did not come about: it is tried again after its back-off. */
  disappoint(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod?.place === "unschedulable" || pod?.place === "backoff") this.#retryLater(pod);
  }

  /** Something happened in the cluster: brings back those that it may help. */
  notify(event: ClusterEvent): void {
    if (this.#unschedulable.size === 0 || !this.#concernsSomeone(event)) return;
    for (const pod of [...this.#unschedulable.values()])
      if (this.#helps(pod, event)) this.#requeue(pod, event);
  }

  /** Cancels the timers; nothing comes back by itself any more. */
  close(): void {
    this.#closed = true;
    this.#cancelTimers();
    this.#wake?.();
  }

  #retryLater(pod: QueuedPod): void {
    if (!this.#passesGates(pod)) return;
    this.#move(pod, "error-backoff");
    this.#options.incoming?.("backoff", attemptFailed);
    pod.rejectedBy = new Set();
    const atMs = this.#clock.now() + this.#backoffMs(pod);
    this.#errorBackoff.push({ pod, ticket: pod.ticket, atMs });
    this.#armErrorBackoff();
  }

  #enqueue(pod: QueuedPod, event: string): void {
    if (this.#passesGates(pod)) this.#activate(pod, event);
  }

  #passesGates(pod: QueuedPod): boolean {
    const gate = this.#options.preEnqueue?.(pod.info);
    if (!(gate?.verdict instanceof Rejection)) return true;
    this.#move(pod, "gated");
    pod.rejectedBy = new Set([gate.plugin]);
    return false;
  }

  #activate(pod: QueuedPod, event: string): void {
    this.#move(pod, "active");
    this.#options.incoming?.("active", event);
    this.#active.push({ pod, ticket: pod.ticket, atMs: pod.sinceMs });
    this.#wake?.();
  }

  #requeue(pod: QueuedPod, event: ClusterEvent): void {
    const dueMs = pod.sinceMs + this.#backoffMs(pod);
    const label = eventLabel(event);
    if (dueMs <= this.#clock.now()) this.#enqueue(pod, label);
    else if (this.#passesGates(pod)) {
      this.#move(pod, "backoff");
      this.#options.incoming?.("backoff", label);
      this.#backoff.push({ pod, ticket: pod.ticket, atMs: dueMs });
      this.#wake?.();
    }
  }

  #backoffMs({ attempts }: QueuedPod): number {
    if (attempts === 0) return 0;
    return Math.min(this.#initialBackoffMs * 2 ** (attempts - 1), this.#maxBackoffMs);
  }

  #move(pod: QueuedPod, place: QueuePlace): void {
    this.#leave(pod);
    pod.place = place;
    pod.ticket = ++this.#tickets;
    pod.sinceMs = this.#clock.now();
  }

  #leave(pod: QueuedPod): void {
    if (!this.#unschedulable.delete(pod.info.uid)) return;
    for (const plugin of waitedFor(pod.rejectedBy)) {
      const left = (this.#rejections.get(plugin) ?? 0) - 1;
      if (left > 0) this.#rejections.set(plugin, left);
      else this.#rejections.delete(plugin);
    }
    if (this.#unschedulable.size === 0) {
      this.#limitTimer?.cancel();
      this.#limitTimer = undefined;
    }
  }

  #take(heap: Heap<Ticket>): QueuedPod | undefined {
    for (let next = heap.pop(); next !== undefined; next = heap.pop())
      if (next.pod.ticket === next.ticket) return next.pod;
    return undefined;
  }

  /** Whether something is due; stale tickets on top are dropped on the way. */
  #hasNext(): boolean {
    this.#endBackoffs();
    return topOf(this.#active) !== undefined || topOf(this.#backoff) !== undefined;
  }

  #endBackoffs(): void {
    const nowMs = this.#clock.now();
    for (const heap of [this.#backoff, this.#errorBackoff])
      for (let next = topOf(heap); next !== undefined && next.atMs <= nowMs; next = topOf(heap)) {
        heap.pop();
        this.#enqueue(next.pod, "BackoffComplete");
      }
  }

  #concernsSomeone(event: ClusterEvent): boolean {
    for (const plugin of this.#rejections.keys()) {
      const rules = this.#options.rules.get(plugin);
      if (rules === undefined || rules.some((rule) => matchesEvent(rule, event))) return true;
    }
    return false;
  }

  #helps(pod: QueuedPod, event: ClusterEvent): boolean {
    // Nobody said what it waits for: anything may be it.
    if (pod.rejectedBy.size === 0) return true;
    for (const plugin of pod.rejectedBy) {
      const rules = this.#options.rules.get(plugin);
      // A plugin without rules cannot say: everything may help.
      if (rules === undefined) return true;
      for (const rule of rules)
        if (matchesEvent(rule, event) && (rule.hint?.(pod.info, event) ?? true)) return true;
    }
    return false;
  }

  #armLimit(): void {
    if (this.#limitTimer !== undefined || this.#closed) return;
    const [first] = this.#unschedulable.values();
    if (first === undefined) return;
    const delayMs = first.sinceMs + this.#unschedulableLimitMs - this.#clock.now();
    this.#limitTimer = this.#clock.setTimer(delayMs, () => {
      this.#limitTimer = undefined;
      const beforeMs = this.#clock.now() - this.#unschedulableLimitMs;
      for (const pod of [...this.#unschedulable.values()]) {
        if (pod.sinceMs > beforeMs) break;
        this.#enqueue(pod, "UnschedulableTimeout");
      }
      this.#armLimit();
    });
  }

  #armErrorBackoff(): void {
    this.#errorTimer?.cancel();
    this.#errorTimer = undefined;
    const next = topOf(this.#errorBackoff);
    if (next === undefined || this.#closed) return;
    this.#errorTimer = this.#clock.setTimer(next.atMs - this.#clock.now(), () => {
      this.#endBackoffs();
      this.#armErrorBackoff();
    });
  }

  #cancelTimers(): void {
    this.#limitTimer?.cancel();
    this.#errorTimer?.cancel();
    this.#limitTimer = undefined;
    this.#errorTimer = undefined;
  }
}

/** The first of a heap whose pod has not moved on. */
function topOf(heap: Heap<Ticket>): Ticket | undefined {
  for (let next = heap.peek(); next !== undefined; next = heap.peek()) {
    if (next.pod.ticket === next.ticket) return next;
    heap.pop();
  }
  return undefined;
}

/** PrioritySort: the higher priority first, then who waited longer. */
function isBefore(left: Ticket, right: Ticket): boolean {
  const byPriority = left.pod.info.priority - right.pod.info.priority;
  if (byPriority !== 0) return byPriority > 0;
  return left.atMs !== right.atMs ? left.atMs < right.atMs : left.ticket < right.ticket;
}

/** A pod that no plugin rejected (there was no node at all) waits for anything: it is counted under a name without rules. */
function waitedFor(plugins: ReadonlySet<string>): Iterable<string> {
  return plugins.size === 0 ? [""] : plugins;
}
