import { type KubeObject, objectKey } from "../apimachinery/meta.ts";
import type { Clock } from "../base/clock.ts";
import { FifoMap } from "../base/fifo-map.ts";
import { Turns } from "../base/turns.ts";
import type { EventHandler } from "./informer.ts";

/** One change of a cache, as a handler is told of it. */
export type Notification<T extends KubeObject> =
  | { readonly type: "added"; readonly object: T; readonly isInInitialList: boolean }
  | { readonly type: "updated"; readonly old: T; readonly object: T }
  | { readonly type: "deleted"; readonly object: T; readonly finalStateUnknown: boolean };

/**
 * The queue between a cache and one handler. It never loses a change and never grows beyond the cache: past `limit` it
 * holds one difference for each object, from what the handler last saw to what is, and hands those out instead.
 */
export class HandlerQueue<T extends KubeObject> {
  readonly #handler: EventHandler<T>;
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #onError: (error: unknown) => void;
  #notifications: Notification<T>[] = [];
  #head = 0;
  /** Of them, additions of a first list: one an object, which the cache holds anyway, so that they count for no limit. */
  #listed = 0;
  /** Set while the queue has overflown. */
  #differences: FifoMap<string, Difference<T>> | undefined;
  #pumping = false;
  #closed = false;
  /** Called when all that is queued now was delivered. */
  #marks: { readonly after: number; readonly reached: () => void }[] = [];
  #queued = 0;
  #delivered = 0;
  #overflows = 0;

  constructor(options: {
    readonly handler: EventHandler<T>;
    readonly clock: Clock;
    readonly limit: number;
    readonly onError: (error: unknown) => void;
  }) {
    this.#handler = options.handler;
    this.#clock = options.clock;
    this.#limit = options.limit;
    this.#onError = options.onError;
  }

  /** Notifications or differences that wait. */
  get length(): number {
    return this.#differences?.size ?? this.#notifications.length - this.#head;
  }

  /** How often the queue grew beyond its limit. */
  get overflows(): number {
    return this.#overflows;
  }

  push(notification: Notification<T>): void {
    if (this.#closed) return;
    this.#queued++;
    if (this.#differences !== undefined) {
      this.#merge(this.#differences, notification);
    } else {
      this.#notifications.push(notification);
      if (isListed(notification)) this.#listed++;
      if (this.length - this.#listed > this.#limit) this.#overflow();
    }
    this.#startPump();
  }

  /** Calls back once everything pushed so far was delivered. */
  mark(reached: () => void): void {
    if (this.length === 0 && !this.#pumping) {
      reached();
      return;
    }
    this.#marks.push({ after: this.#queued, reached });
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.#closed = true;
    this.#notifications = [];
    this.#head = 0;
    this.#listed = 0;
    this.#differences = undefined;
    this.#marks = [];
  }

  #overflow(): void {
    this.#overflows++;
    const differences = new FifoMap<string, Difference<T>>();
    this.#differences = differences;
    for (const notification of this.#notifications.splice(0).slice(this.#head))
      this.#merge(differences, notification);
    this.#head = 0;
    this.#listed = 0;
  }

  /** Two notifications of one object become one; one that takes the other back, none. */
  #merge(differences: FifoMap<string, Difference<T>>, notification: Notification<T>): void {
    const key = objectKey(notification.object);
    const merged = mergeDifference(differences.get(key), notification);
    if (merged === undefined) differences.delete(key);
    else differences.set(key, merged);
  }

  #startPump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    // The change that is being made is made to the end before anyone hears of it.
    await Promise.resolve();
    const turns = new Turns(this.#clock);
    while (!this.#closed && this.length > 0) {
      const delivery = this.#deliverNext();
      if (delivery !== undefined) await delivery;
      this.#settleMarks();
      if (turns.step()) await turns.yield();
    }
    this.#pumping = false;
    this.#settleMarks();
  }

  /** A promise only where the handler made one: it is then waited for, so that one handler is told in order. */
  #deliverNext(): Promise<void> | undefined {
    if (this.#differences === undefined) {
      const notification = this.#notifications[this.#head] as Notification<T>; // length > 0
      this.#head++;
      if (isListed(notification)) this.#listed--;
      if (this.#head === this.#notifications.length || this.#head >= 4096) {
        this.#notifications.splice(0, this.#head);
        this.#head = 0;
      }
      this.#delivered++;
      return this.#tell(notification);
    }
    const next = this.#differences.shift();
    if (this.#differences.size === 0) {
      this.#differences = undefined;
      this.#delivered = this.#queued;
    }
    return next === undefined ? undefined : this.#tellAll(notificationsOf(next[1]));
  }

  #tellAll(notifications: readonly Notification<T>[]): Promise<void> | undefined {
    const [first, second] = notifications;
    const told = first === undefined ? undefined : this.#tell(first);
    if (second === undefined) return told;
    return told === undefined ? this.#tell(second) : told.then(() => this.#tell(second));
  }

  #tell(notification: Notification<T>): Promise<void> | undefined {
    try {
      const result: unknown = call(this.#handler, notification);
      return result instanceof Promise ? result.catch(this.#onError) : undefined;
    } catch (error) {
      this.#onError(error);
      return undefined;
    }
  }

  #settleMarks(): void {
    while (this.#marks[0] !== undefined && (this.#marks[0].after <= this.#delivered || this.length === 0))
      this.#marks.shift()?.reached();
  }
}

function isListed<T extends KubeObject>(notification: Notification<T>): boolean {
  return notification.type === "added" && notification.isInInitialList;
}

function call<T extends KubeObject>(handler: EventHandler<T>, notification: Notification<T>): unknown {
  switch (notification.type) {
    case "added":
      return handler.added?.(notification.object, { isInInitialList: notification.isInInitialList });
    case "updated":
      return handler.updated?.(notification.old, notification.object);
    case "deleted":
      return handler.deleted?.(notification.object, { finalStateUnknown: notification.finalStateUnknown });
  }
}

/** From what a handler last saw of an object to what is there now. */
interface Difference<T extends KubeObject> {
  /** Absent: the handler has not seen the object. */
  readonly before: T | undefined;
  /** Absent: it is gone. */
  readonly after: T | undefined;
  readonly isInInitialList: boolean;
  /** Where the one the handler saw is gone, whatever came after it: its last state. */
  readonly last: { readonly object: T; readonly finalStateUnknown: boolean } | undefined;
}

function mergeDifference<T extends KubeObject>(
  known: Difference<T> | undefined,
  notification: Notification<T>,
): Difference<T> | undefined {
  switch (notification.type) {
    case "added": {
      const { object, isInInitialList } = notification;
      return { before: known?.before, after: object, isInInitialList, last: known?.last };
    }
    case "updated": {
      const { old, object } = notification;
      if (known === undefined) return { before: old, after: object, isInInitialList: false, last: undefined };
      return { ...known, after: object };
    }
    case "deleted": {
      const { object, finalStateUnknown } = notification;
      if (known !== undefined && known.before === undefined) return undefined;
      const before = known === undefined ? object : known.before;
      // Of two deletions of two objects under one name the handler saw only the first one.
      const last =
        before?.metadata.uid === object.metadata.uid
          ? { object, finalStateUnknown }
          : (known?.last ?? { object: before ?? object, finalStateUnknown: true });
      return { before, after: undefined, isInInitialList: false, last };
    }
  }
}

function notificationsOf<T extends KubeObject>(difference: Difference<T>): readonly Notification<T>[] {
  const { before, after, isInInitialList, last } = difference;
  if (before === undefined)
    return after === undefined ? [] : [{ type: "added", object: after, isInInitialList }];
  // Without a deletion between them the two are one object.
  if (last === undefined) return after === undefined ? [] : [{ type: "updated", old: before, object: after }];
  const gone: Notification<T> = { type: "deleted", ...last };
  return after === undefined ? [gone] : [gone, { type: "added", object: after, isInInitialList: false }];
}
