import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Status } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { HttpMethod, ResponseHeaders, UserInfo, WatchEvent } from "../../../client/exchange.ts";

export interface CallOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The body as it goes over the wire, instead of an object. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly user?: UserInfo;
}

export interface Reply {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Decoded where it is an API object, otherwise undefined. */
  readonly object: unknown;
  readonly text: string;
}

/** A watch, one event at a time. Fails when none comes in `withinMs`. */
export interface EventReader {
  next(withinMs?: number): Promise<WatchEvent<AnyObject>>;
  /** Passes over other events. */
  until(
    type: WatchEvent["type"],
    holds?: (object: AnyObject) => boolean,
    withinMs?: number,
  ): Promise<AnyObject>;
  close(): void;
}

/** What both transports can do. */
export interface Wire {
  readonly transport: "HTTPS" | "in process";
  send(method: HttpMethod, path: string, options?: CallOptions): Promise<Reply>;
  openWatch(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<EventStream>;
  close(): void;
}

export type EventStream = AsyncIterable<readonly WatchEvent<AnyObject>[]>;

/** A client as a test wants it, over one transport. */
export class ConformanceClient {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  get transport(): Wire["transport"] {
    return this.#wire.transport;
  }

  send(method: HttpMethod, path: string, options?: CallOptions): Promise<Reply> {
    return this.#wire.send(method, path, options);
  }

  /** The object of an answer that must be a success. */
  async ok<T = AnyObject>(method: HttpMethod, path: string, options?: CallOptions): Promise<T> {
    const { status, object, text } = await this.send(method, path, options);
    assert.ok(status < 300, `${method} ${path}: ${status} ${shown(object, text)}`);
    return object as T;
  }

  get<T = AnyObject>(path: string, query?: Readonly<Record<string, string>>): Promise<T> {
    return this.ok<T>("GET", path, query === undefined ? {} : { query });
  }

  create<T = AnyObject>(path: string, body: unknown): Promise<T> {
    return this.ok<T>("POST", path, { body });
  }

  update<T = AnyObject>(path: string, body: unknown): Promise<T> {
    return this.ok<T>("PUT", path, { body });
  }

  merge<T = AnyObject>(path: string, body: unknown): Promise<T> {
    return this.ok<T>("PATCH", path, { body, headers: { "content-type": "application/merge-patch+json" } });
  }

  strategic<T = AnyObject>(path: string, body: unknown): Promise<T> {
    return this.ok<T>("PATCH", path, {
      body,
      headers: { "content-type": "application/strategic-merge-patch+json" },
    });
  }

  delete<T = AnyObject>(path: string, options: object = {}): Promise<T> {
    return this.ok<T>("DELETE", path, { body: options });
  }

  /** The Status of an answer that must be a failure. */
  async refused(method: HttpMethod, path: string, options?: CallOptions): Promise<Status> {
    const { status, object, text } = await this.send(method, path, options);
    assert.ok(status >= 400, `${method} ${path} must fail: ${status} ${shown(object, text)}`);
    return object as Status;
  }

  async isGone(path: string): Promise<boolean> {
    return (await this.send("GET", path)).status === 404;
  }

  async watch(path: string, query: Readonly<Record<string, string>> = {}): Promise<EventReader> {
    const abort = new AbortController();
    const stream = await this.#wire.openWatch(path, { watch: "true", ...query }, abort.signal);
    return eventReader(stream, abort);
  }

  /** A namespace as the suite's framework makes one: usable when its service account and root authority are there. */
  async namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { "e2e-framework": name, ...labels } },
    });
    const path = `/api/v1/namespaces/${name}`;
    await eventually(`namespace ${name}`, async () => {
      const account = await this.send("GET", `${path}/serviceaccounts/default`);
      const authority = await this.send("GET", `${path}/configmaps/kube-root-ca.crt`);
      return account.status === 200 && authority.status === 200;
    });
    return path;
  }

  close(): void {
    this.#wire.close();
  }
}

function shown(object: unknown, text: string): string {
  return (JSON.stringify(object) ?? text).slice(0, 600);
}

/** Asks again until it holds. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!(await holds())) {
    assert.ok(Date.now() < endMs, `${what}: not within ${withinMs} ms`);
    await delay(20);
  }
}

function eventReader(stream: EventStream, abort: AbortController): EventReader {
  const iterator = stream[Symbol.asyncIterator]();
  const waiting: WatchEvent<AnyObject>[] = [];
  const next = async (withinMs = 30_000): Promise<WatchEvent<AnyObject>> => {
    while (waiting.length === 0) {
      const late = new AbortController();
      const turn = await Promise.race([
        iterator.next(),
        delay(withinMs, "late" as const, { signal: late.signal }).catch(() => "late" as const),
      ]);
      late.abort();
      assert.notEqual(turn, "late", `no event within ${withinMs} ms`);
      if (turn === "late") break;
      assert.ok(turn.done !== true, "the watch ended");
      waiting.push(...turn.value);
    }
    const event = waiting.shift();
    assert.ok(event);
    return event;
  };
  return {
    next,
    async until(type, holds = () => true, withinMs = 30_000) {
      for (;;) {
        const event = await next(withinMs);
        if (event.type === type && holds(event.object)) return event.object;
      }
    },
    close: () => abort.abort(),
  };
}
