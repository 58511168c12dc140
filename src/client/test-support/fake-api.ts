import {
  ApiError,
  alreadyExists,
  expired,
  failure,
  notFound,
  staleObject,
} from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { ApiRequest, ApiResponse, Transport, WatchEvent } from "../exchange.ts";
import { initialEventsEndAnnotation } from "../reflector.ts";

/**
 * A small API server of one resource with a history: enough of the protocol to prove the client against, and every
 * fault the real one has. Objects live under their path.
 */
export class FakeApi implements Transport {
  readonly type: ResourceType;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #objects = new Map<string, AnyObject>();
  #history: { readonly version: number; readonly event: WatchEvent<AnyObject> }[] = [];
  #version = 1;
  #compacted = 0;
  readonly #watchers = new Set<Watcher>();
  /** Snapshots that continue tokens point into. */
  readonly #snapshots = new Map<number, { readonly version: number; readonly all: readonly AnyObject[] }>();
  #snapshotId = 0;
  readonly requests: string[] = [];

  /** Every request fails without an answer. */
  down = false;
  /** How long a request takes before it is looked at. */
  latencyMs: () => number = () => 0;
  /** Answers in the place of the server, or lets it answer. */
  intercept: (request: ApiRequest) => ApiError | undefined = () => undefined;
  streamsLists = true;
  sendsBookmarks = true;
  bookmarkEveryMs = 60_000;

  constructor(options: { readonly type: ResourceType; readonly clock: Clock; readonly random: Random }) {
    this.type = options.type;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  get version(): number {
    return this.#version;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  objects(): readonly AnyObject[] {
    return [...this.#objects.values()];
  }

  async close(): Promise<void> {
    this.dropWatches();
  }

  /** Creates or replaces; unless told, a replaced object keeps its uid. */
  put(object: KubeObject, options: { readonly newUid?: boolean } = {}): AnyObject {
    const path = this.#pathOf(object.metadata);
    const old = this.#objects.get(path);
    const version = ++this.#version;
    const keep = old !== undefined && options.newUid !== true;
    const uid = keep ? (old.metadata.uid ?? "") : this.#random.uuid();
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(version) } };
    this.#objects.set(path, stored);
    this.#publish(version, { type: keep ? "MODIFIED" : "ADDED", object: stored });
    return stored;
  }

  remove(name: { readonly namespace?: string | undefined; readonly name?: string | undefined }): void {
    const path = this.#pathOf(name);
    const old = this.#objects.get(path);
    if (old === undefined) return;
    this.#objects.delete(path);
    const version = ++this.#version;
    const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(version) } };
    this.#publish(version, { type: "DELETED", object });
  }

  /** History up to now is forgotten, and with it every continue token. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
    this.#snapshots.clear();
  }

  /** What a server restored from a backup looks like: writes since then are undone, and their versions given anew. */
  restore(backup: FakeApiBackup): void {
    this.dropWatches("cut");
    this.#objects.clear();
    for (const [path, object] of backup.objects) this.#objects.set(path, object);
    this.#version = backup.version;
    this.compact();
  }

  backUp(): FakeApiBackup {
    return { version: this.#version, objects: [...this.#objects] };
  }

  /** All watches end: cut off, or closed in order. */
  dropWatches(how: "cut" | "end" = "cut"): void {
    for (const watcher of [...this.#watchers])
      watcher.end(how === "cut" ? new Error("connection reset") : undefined);
  }

  /** All watches open now stay open and bring nothing any more. */
  silenceWatches(): void {
    for (const watcher of this.#watchers) watcher.silent = true;
  }

  async send(request: ApiRequest): Promise<ApiResponse> {
    this.requests.push(`${request.method} ${request.path}?${request.query}`);
    const latencyMs = this.latencyMs();
    if (latencyMs > 0) await sleep(this.#clock, latencyMs, { signal: request.signal });
    if (this.down) throw new Error("connection refused");
    try {
      const error = this.intercept(request);
      if (error !== undefined) throw error;
      return this.#answer(request);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { type: "object", status: error.code, headers: {}, object: error.status };
    }
  }

  #answer(request: ApiRequest): ApiResponse {
    const { method, path, query } = request;
    const isCollection = path.endsWith(`/${this.type.resource}`);
    if (method === "GET" && isCollection && query.get("watch") === "true") return this.#watch(request);
    if (method === "GET" && isCollection) return answered(this.#list(path, query));
    const stood = this.#objects.get(path);
    const body = request.body !== undefined && "object" in request.body ? request.body.object : {};
    const sent = body as AnyObject; // the client under test sends objects
    if (method === "POST") {
      const name = sent.metadata.name ?? "";
      if (this.#objects.has(`${path}/${name}`)) throw alreadyExists(this.type, name);
      return answered(this.put(sent));
    }
    if (stood === undefined) throw notFound(this.type, path.slice(path.lastIndexOf("/") + 1));
    if (method === "GET") return answered(stood);
    if (method === "DELETE") {
      this.remove(stood.metadata);
      return answered(stood);
    }
    const sentVersion = sent.metadata?.resourceVersion;
    if (sentVersion !== undefined && sentVersion !== stood.metadata.resourceVersion)
      throw staleObject(this.type, stood.metadata.name ?? "");
    return answered(this.put(method === "PATCH" ? (merged(stood, sent) as AnyObject) : sent));
  }

  #list(path: string, query: URLSearchParams): object {
    const asked = Number(query.get("resourceVersion") ?? 0);
    this.#refuseFuture(asked);
    const limit = Number(query.get("limit") ?? 0);
    const token = query.get("continue");
    const [id, from] = token === null ? [0, 0] : (token.split(":").map(Number) as [number, number]);
    const snapshot =
      token === null ? { version: this.#version, all: this.#inCollection(path) } : this.#snapshots.get(id);
    if (snapshot === undefined) throw expired("The provided continue parameter is too old");
    const { version, all } = snapshot;
    const items = limit > 0 ? all.slice(from, from + limit) : all.slice(from);
    const more = from + items.length < all.length;
    const nextId = token === null ? ++this.#snapshotId : id;
    if (more) this.#snapshots.set(nextId, snapshot);
    return {
      apiVersion: "v1",
      kind: `${this.type.kind}List`,
      metadata: {
        resourceVersion: String(version),
        ...(more ? { continue: `${nextId}:${from + items.length}` } : {}),
      },
      items,
    };
  }

  #watch({ path, query, signal }: ApiRequest): ApiResponse {
    const asked = Number(query.get("resourceVersion") ?? 0);
    const streamed = query.get("sendInitialEvents") === "true";
    if (streamed && !this.streamsLists)
      throw failure(
        422,
        "Invalid",
        "sendInitialEvents is forbidden for watch unless the WatchList feature gate is on",
      );
    this.#refuseFuture(asked);
    if (!streamed && asked < this.#compacted) throw expired("too old resource version");
    const watcher = new Watcher(
      this.#clock,
      `${path}/`,
      Number(query.get("timeoutSeconds") ?? 0) * 1000,
      signal,
    );
    watcher.onEnd = () => this.#watchers.delete(watcher);
    this.#watchers.add(watcher);
    if (streamed) {
      for (const object of this.#inCollection(path)) watcher.push({ type: "ADDED", object });
      watcher.push(this.#bookmark({ [initialEventsEndAnnotation]: "true" }));
    } else {
      for (const { version, event } of this.#history) if (version > asked) this.#offer(watcher, event);
    }
    if (this.sendsBookmarks) watcher.every(this.bookmarkEveryMs, () => watcher.push(this.#bookmark()));
    return { type: "watch", status: 200, headers: {}, events: watcher.batches() };
  }

  #refuseFuture(version: number): void {
    if (version <= this.#version) return;
    throw failure(504, "Timeout", `Too large resource version: ${version}, current: ${this.#version}`, {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    });
  }

  #bookmark(annotations?: Record<string, string>): WatchEvent<AnyObject> {
    const metadata = {
      resourceVersion: String(this.#version),
      ...(annotations === undefined ? {} : { annotations }),
    };
    return { type: "BOOKMARK", object: { apiVersion: "v1", kind: this.type.kind, metadata } };
  }

  #inCollection(path: string): readonly AnyObject[] {
    return [...this.#objects].filter(([key]) => inCollection(key, `${path}/`)).map(([, object]) => object);
  }

  #publish(version: number, event: WatchEvent<AnyObject>): void {
    this.#history.push({ version, event });
    for (const watcher of this.#watchers) this.#offer(watcher, event);
  }

  #offer(watcher: Watcher, event: WatchEvent<AnyObject>): void {
    if (inCollection(this.#pathOf(event.object.metadata), watcher.prefix)) watcher.push(event);
  }

  #pathOf({
    namespace,
    name,
  }: {
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
  }): string {
    const { group, version, resource } = this.type;
    const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    return `${root}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${resource}/${name}`;
  }
}

export interface FakeApiBackup {
  readonly version: number;
  readonly objects: readonly (readonly [path: string, object: AnyObject])[];
}

/** "/api/v1/pods/" holds "/api/v1/namespaces/n/pods/a" too. */
function inCollection(path: string, prefix: string): boolean {
  if (path.startsWith(prefix)) return true;
  return path.replace(/\/namespaces\/[^/]+/, "").startsWith(prefix);
}

function answered(object: unknown): ApiResponse {
  return { type: "object", status: 200, headers: {}, object };
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

class Watcher {
  readonly prefix: string;
  silent = false;
  onEnd = () => {};
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #queue: WatchEvent[] = [];
  #ended: { readonly error: Error | undefined } | undefined;
  #wake = () => {};

  constructor(clock: Clock, prefix: string, timeoutMs: number, signal: AbortSignal) {
    this.#clock = clock;
    this.prefix = prefix;
    if (timeoutMs > 0) this.#timers.add(clock.setTimer(timeoutMs, () => this.silent || this.end(undefined)));
    signal.addEventListener("abort", () => this.end(undefined), { once: true });
  }

  every(periodMs: number, callback: () => void): void {
    const timer = this.#clock.setTimer(periodMs, () => {
      this.#timers.delete(timer);
      callback();
      this.every(periodMs, callback);
    });
    this.#timers.add(timer);
  }

  push(event: WatchEvent): void {
    if (this.silent || this.#ended !== undefined) return;
    this.#queue.push(event);
    this.#wake();
  }

  end(error: Error | undefined): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    for (const timer of this.#timers) timer.cancel();
    this.onEnd();
    this.#wake();
  }

  async *batches(): AsyncGenerator<readonly WatchEvent[]> {
    try {
      for (;;) {
        if (this.#queue.length > 0) {
          yield this.#queue.splice(0);
        } else if (this.#ended !== undefined) {
          if (this.#ended.error !== undefined) throw this.#ended.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.end(undefined);
    }
  }
}
