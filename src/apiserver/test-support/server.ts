import type { ResourceDefinition } from "../../api/definition.ts";
import { builtInDefinitions } from "../../api/registry.ts";
import { schemas } from "../../api/schemas.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { ApiRequest, ApiResponse, HttpMethod, UserInfo, WatchEvent } from "../../client/exchange.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";
import type { ApiServer, ApiServerDependencies } from "../server.ts";
import { createApiServer } from "../server.ts";
import type { Stages } from "../stages.ts";

export const admin: UserInfo = { name: "admin", groups: ["system:masters", "system:authenticated"] };

export interface CallOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly user?: UserInfo;
  readonly signal?: AbortSignal;
}

/** A server on the memory engine and a virtual clock, called in process. */
export interface TestServer {
  readonly server: ApiServer;
  readonly clock: VirtualClock;
  call(method: HttpMethod, path: string, options?: CallOptions): Promise<ApiResponse>;
  /** The object of an answer, whatever its status. */
  object<T = AnyObject>(method: HttpMethod, path: string, options?: CallOptions): Promise<T>;
  /** The object of an answer that must be a success. */
  ok<T = AnyObject>(method: HttpMethod, path: string, options?: CallOptions): Promise<T>;
  watch(path: string, query?: Readonly<Record<string, string>>): Promise<WatchReader>;
  close(): Promise<void>;
}

/** Reads a watch one event at a time. */
export interface WatchReader {
  next(): Promise<WatchEvent | undefined>;
  close(): void;
}

/** Lets everyone in and everything through. */
export const openStages: Stages = {
  authenticator: { authenticate: () => undefined },
  authorizer: { authorize: () => ({ allowed: true, reason: "" }) },
  admission: [],
};

export interface TestServerOptions {
  readonly definitions?: readonly ResourceDefinition[];
  readonly stages?: Stages;
  readonly dependencies?: Partial<ApiServerDependencies>;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const clock = new VirtualClock();
  const storage = createMemoryStorage({ clock });
  const server = await createApiServer({
    storage,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    definitions: options.definitions ?? builtInDefinitions,
    modelOf: ({ group, version, kind }) => schemas.kind(group, version, kind),
    stages: () => options.stages ?? openStages,
    ...options.dependencies,
  });
  const call: TestServer["call"] = (method, path, { query, body, headers, user, signal } = {}) => {
    const request: ApiRequest = {
      method,
      path,
      query: new URLSearchParams(query),
      headers: headers ?? {},
      ...(body === undefined ? {} : { body: { object: body } }),
      signal: signal ?? new AbortController().signal,
    };
    return server.handle(request, { user: user ?? admin });
  };
  const object = async <T>(method: HttpMethod, path: string, callOptions?: CallOptions): Promise<T> => {
    const response = await call(method, path, callOptions);
    if (response.type !== "object") throw new Error(`${method} ${path} answered with ${response.type}`);
    return response.object as T;
  };
  return {
    server,
    clock,
    call,
    object,
    async ok<T>(method: HttpMethod, path: string, callOptions?: CallOptions): Promise<T> {
      const response = await call(method, path, callOptions);
      if (response.type !== "object" || response.status >= 300)
        throw new Error(
          `${method} ${path}: ${JSON.stringify("object" in response ? response.object : response)}`,
        );
      return response.object as T;
    },
    async watch(path, query = {}) {
      const abort = new AbortController();
      const response = await call("GET", path, { query: { watch: "true", ...query }, signal: abort.signal });
      if (response.type !== "watch") throw new Error(`no watch: ${JSON.stringify(response)}`);
      return watchReader(response.events, abort);
    },
    async close() {
      await server.close();
      await storage.close();
    },
  };
}

function watchReader(events: AsyncIterable<readonly WatchEvent[]>, abort: AbortController): WatchReader {
  const iterator = events[Symbol.asyncIterator]();
  const waiting: WatchEvent[] = [];
  return {
    async next() {
      while (waiting.length === 0) {
        const { done, value } = await iterator.next();
        if (done === true) return undefined;
        waiting.push(...value);
      }
      return waiting.shift();
    },
    close: () => abort.abort(),
  };
}

/** Names of a list's items. */
export function namesOf(list: { readonly items: readonly AnyObject[] }): string[] {
  return list.items.map(({ metadata }) => metadata.name ?? "");
}
