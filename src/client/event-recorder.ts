import type { Event, ObjectReference } from "../api/core/types.generated.ts";
import type { Event as EventV1 } from "../api/events/types.generated.ts";
import { events, eventsV1 } from "../api/resources.generated.ts";
import { ApiError, isApiError } from "../apimachinery/api-error.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { type Clock, rfc3339, rfc3339Micro, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import { type Random, randomBelow } from "../base/random.ts";
import type { Client } from "./client.ts";
import { type CorrelatedEvent, EventCorrelator, type Occurrence } from "./event-correlator.ts";

/** What is told beyond which object it is about. */
export interface EventContent {
  readonly type: "Normal" | "Warning";
  /** Why, for machines: "FailedScheduling". */
  readonly reason: string;
  /** For people; cut at 1 kB. */
  readonly note: string;
  /** What was being done: "Binding". `reason` unless said. */
  readonly action?: string;
  readonly related?: KubeObject | ObjectReference;
}

/** Tells people what happens to objects (client-go's EventRecorder). Never blocks and never fails. */
export interface EventRecorder {
  event(regarding: KubeObject | ObjectReference, content: EventContent): void;
  /** Resolves once everything recorded so far was written or given up. */
  flush(): Promise<void>;
}

const contentNames: OptionNames<EventContent> = {
  type: true,
  reason: true,
  note: true,
  action: true,
  related: true,
};

/** Who tells, and through which client. */
export interface EventRecorderOptions {
  readonly client: Pick<Client, "create" | "patch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The source: "kubelet", "default-scheduler", "deployment-controller". */
  readonly component: string;
  /** The machine it runs on, where that matters. */
  readonly host?: string;
  /** The core API's events unless said; the scheduler writes those of events.k8s.io. */
  readonly api?: "core" | "events.k8s.io";
  /** Ends the writing. */
  readonly signal?: AbortSignal;
}

const queueLimit = 1000;
const noteLimit = 1024;
const triesLimit = 12;
const retryAfterMs = 10_000;

/**
 * A recorder of its own queue of 1,000 events, each tried 12 times, 10 s apart; what is beyond that is dropped and logged.
 * The same event again counts up the first one; a source's burst about one object is 25, then one in five minutes.
 */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new QueuedRecorder(options);
}

/** The reference by which an event names an object. */
export function referenceTo(object: KubeObject | ObjectReference): ObjectReference {
  if (!("metadata" in object)) return object;
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    apiVersion,
    kind,
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

class QueuedRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #correlator = new EventCorrelator();
  readonly #queue: Occurrence[] = [];
  #writing: Promise<void> | undefined;
  #dropped = 0;
  /** Makes names differ that are made within one millisecond, here or in another recorder. */
  #serial: number;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#serial = randomBelow(options.random, 1_000_000);
  }

  event(regarding: KubeObject | ObjectReference, content: EventContent): void {
    const { clock, logger, signal } = this.#options;
    checkNames("event", content, contentNames);
    if (signal?.aborted) return;
    if (this.#queue.length >= queueLimit) {
      if (this.#dropped++ === 0) logger.warn({ queueLimit }, "too many events wait, new ones are dropped");
      return;
    }
    const { type, reason, note, action = reason, related } = content;
    this.#queue.push({
      regarding: referenceTo(regarding),
      ...(related === undefined ? {} : { related: referenceTo(related) }),
      ...{ type, reason, action },
      note: note.length > noteLimit ? `${note.slice(0, noteLimit - 3)}...` : note,
      atMs: clock.now(),
    });
    this.#writing ??= this.#writeAll();
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Let what happens in one go be written in one go.
    await Promise.resolve();
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const event = this.#correlator.correlate(next, this.#newName(next));
      if (event !== undefined) await this.#writeStubbornly(event);
      if (this.#options.signal?.aborted) this.#queue.length = 0;
    }
    if (this.#dropped > 0) this.#options.logger.warn({ dropped: this.#dropped }, "events were dropped");
    this.#dropped = 0;
    this.#writing = undefined;
  }

  /** While the server cannot be reached all wait; an event that it answers with any error is given up, as in client-go. */
  async #writeStubbornly(event: CorrelatedEvent): Promise<void> {
    const { clock, random, logger, signal } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        await this.#write(event);
        return;
      } catch (error) {
        if (signal?.aborted) return;
        const { reason } = event.occurrence;
        if (error instanceof ApiError) {
          const level = isExpectedRefusal(error) ? "debug" : "warn";
          logger[level]({ reason, err: error }, "the server refused an event");
          return;
        }
        if (tries >= triesLimit) {
          logger.warn({ reason, err: error }, "an event could not be written and is given up");
          return;
        }
        // The first wait is random, so that not every client comes back at once.
        const delayMs = tries === 1 ? random.next() * retryAfterMs : retryAfterMs;
        await sleep(clock, delayMs, signal === undefined ? {} : { signal }).catch(() => {});
      }
    }
  }

  async #write(event: CorrelatedEvent): Promise<void> {
    try {
      if (event.count === 1) await this.#create(event);
      else await this.#countUp(event);
    } catch (error) {
      // A counted event that lived out its time is written again, with its count.
      if (event.count === 1 || !isApiError(error, "NotFound")) throw error;
      await this.#create(event);
    }
  }

  async #countUp(event: CorrelatedEvent): Promise<void> {
    const { client, api, signal } = this.#options;
    const { name, occurrence } = event;
    const call = signal === undefined ? {} : { signal };
    const at = { namespace: namespaceOf(occurrence), name };
    if (api === "events.k8s.io") {
      await client.patch(eventsV1, at, { type: "merge", patch: seriesOf(event) }, call);
    } else {
      const patch = { count: event.count, lastTimestamp: rfc3339(occurrence.atMs), message: occurrence.note };
      await client.patch(events, at, { type: "strategic", patch }, call);
    }
  }

  async #create(event: CorrelatedEvent): Promise<void> {
    const { client, api, signal } = this.#options;
    const call = signal === undefined ? {} : { signal };
    if (api === "events.k8s.io") await client.create(eventsV1, this.#eventV1(event), call);
    else await client.create(events, this.#coreEvent(event), call);
  }

  #coreEvent({ name, count, firstMs, occurrence }: CorrelatedEvent): Event {
    const { component, host = "" } = this.#options;
    const { regarding, related, type, reason, note, atMs } = occurrence;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace: namespaceOf(occurrence) },
      involvedObject: regarding,
      ...(related === undefined ? {} : { related }),
      ...{ type, reason, count },
      message: note,
      firstTimestamp: rfc3339(firstMs),
      lastTimestamp: rfc3339(atMs),
      source: { component, ...(host === "" ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host,
    };
  }

  #eventV1(event: CorrelatedEvent): EventV1 {
    const { name, firstMs, count, occurrence } = event;
    const { component, host } = this.#options;
    const { regarding, related, type, reason, action, note } = occurrence;
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name, namespace: namespaceOf(occurrence) },
      eventTime: rfc3339Micro(firstMs),
      ...(count > 1 ? seriesOf(event) : {}),
      regarding,
      ...(related === undefined ? {} : { related }),
      ...{ type, reason, action, note },
      reportingController: component,
      reportingInstance: host === undefined ? component : `${component}-${host}`,
    };
  }

  /** "name.<nanoseconds in hex>", or a UUID where the object's name would not make a valid one. */
  #newName({ regarding, atMs }: Occurrence): string {
    this.#serial = (this.#serial + 1) % 1_000_000;
    const nanoseconds = BigInt(Math.floor(atMs)) * 1_000_000n + BigInt(this.#serial);
    const name = `${regarding.name ?? ""}.${nanoseconds.toString(16)}`;
    const valid =
      name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);
    return valid ? name : this.#options.random.uuid();
  }
}

function seriesOf({ count, occurrence }: CorrelatedEvent): Pick<EventV1, "series"> {
  return { series: { count, lastObservedTime: rfc3339Micro(occurrence.atMs) } };
}

/** Events about cluster-scoped objects live in "default". */
function namespaceOf({ regarding }: Occurrence): string {
  return regarding.namespace === undefined || regarding.namespace === "" ? "default" : regarding.namespace;
}

/** Its namespace is going away, or it was written by an earlier try whose answer was lost. */
function isExpectedRefusal(error: ApiError): boolean {
  const terminating = error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating");
  return terminating === true || isApiError(error, "AlreadyExists");
}
