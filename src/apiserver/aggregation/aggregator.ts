import type { APIService } from "../../api/apiregistration/types.generated.ts";
import { apiServices } from "../../api/resources.generated.ts";
import { isApiError, serviceUnavailable } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { ApiRequest, ApiResponse, UserInfo } from "../../client/exchange.ts";
import type { CacheEvent } from "../cache/cache-event.ts";
import type { BackendRequest } from "../connect/backend.ts";
import { plainPage } from "../non-resource.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { ResourceTable } from "../resource-table.ts";
import { ExtensionClient, type ExtensionDocument } from "./extension-client.ts";
import type { ExtensionVersion } from "./extension-discovery.ts";
import type { ExtensionTransport } from "./extension-transport.ts";
import { ExtensionWatch } from "./extension-watch.ts";
import { decoded, extensionRequest, passedOn, upgradeRequest } from "./proxy.ts";
import { localApiServices, planRegistration, type RegistrationStep } from "./registration.ts";
import { type ExtensionRoute, ExtensionRoutes, routeOf } from "./routes.ts";

export interface AggregatorDependencies {
  readonly table: ResourceTable;
  /** Of this server, as system:masters. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absent: APIServices with a service behind them stay unavailable. */
  readonly transport?: ExtensionTransport;
}

const retryMs = 1_000;

/**
 * The aggregation layer: keeps an APIService for each version that is served here, and passes on what other servers have
 * registered for. Costs nothing to speak of while there are none of those.
 */
export class Aggregator {
  readonly #dependencies: AggregatorDependencies;
  readonly #routes = new ExtensionRoutes();
  readonly #watches = new Map<string, ExtensionWatch>();
  readonly #discovered = new Map<
    string,
    { readonly entries: readonly object[]; readonly isCurrent: boolean }
  >();
  readonly #existing = new Map<string, APIService>();
  #discoveredGeneration = 0;
  #extensions: ExtensionClient | undefined;
  #registering: Promise<void> = Promise.resolve();

  constructor(dependencies: AggregatorDependencies) {
    this.#dependencies = dependencies;
  }

  /** Grows with every change of `versions`. */
  get generation(): number {
    return this.#routes.generation + this.#discoveredGeneration;
  }

  /** What other servers have registered for, available or not. */
  get versions(): readonly ExtensionVersion[] {
    return this.#routes.all.map((route): ExtensionVersion => {
      const known = this.#discovered.get(route.name);
      return {
        group: route.group,
        version: route.version,
        groupPriority: route.groupPriority,
        versionPriority: route.versionPriority,
        resources: known?.entries ?? [],
        freshness: known?.isCurrent === true ? "Current" : "Stale",
      };
    });
  }

  /** The other server that this request is for; undefined: it is for this one. */
  find(path: string): ExtensionRoute | undefined {
    return this.#routes.find(path);
  }

  /** Passes a request on in the name of the user. `inProcess`: the answer is wanted as an object, where it is one. */
  async handle(
    route: ExtensionRoute,
    request: ApiRequest,
    { user, inProcess }: { readonly user: UserInfo; readonly inProcess: boolean },
  ): Promise<ApiResponse> {
    if (!route.available || this.#extensions === undefined) return unavailable();
    try {
      const { signal } = request;
      const answer = passedOn(
        await this.#extensions.send(route, extensionRequest(request, user), { signal }),
      );
      return inProcess ? await decoded(answer, request) : answer;
    } catch (error) {
      request.signal.throwIfAborted();
      if (isApiError(error, "ServiceUnavailable")) return unavailable();
      const why = error instanceof Error ? error.message : String(error);
      return plainPage(503, `error trying to reach service: ${why}\n`);
    }
  }

  /** For a request that takes its connection over: where its bytes go. Throws 503. */
  async passage(route: ExtensionRoute, request: ApiRequest, user: UserInfo): Promise<BackendRequest> {
    if (!route.available || this.#extensions === undefined) throw serviceUnavailable("service unavailable");
    return { backend: await this.#extensions.passage(route), ...upgradeRequest(request, user) };
  }

  /** A document that an extension server has of itself, such as its OpenAPI. Rejects where it cannot be had. */
  document(
    route: ExtensionRoute,
    path: string,
    headers: Readonly<Record<string, string>>,
    options: { readonly signal: AbortSignal },
  ): Promise<ExtensionDocument> {
    if (this.#extensions === undefined)
      return Promise.reject(new Error("no extension server can be reached"));
    return this.#extensions.document(route, path, headers, options);
  }

  get availableRoutes(): readonly ExtensionRoute[] {
    return this.#routes.all.filter(({ available }) => available);
  }

  /** Resolves when every version served here has its APIService; follows them until the signal aborts. */
  async start(store: ResourceStore, signal: AbortSignal): Promise<void> {
    const { table, logger } = this.#dependencies;
    const { items, revision } = await store.cache.list({ selection: { namespace: "" }, signal });
    for (const { object } of items) this.#changed("ADDED", object);
    await this.#register({ starting: true, signal });
    void this.#follow(store, revision, signal);
    const unsubscribe = table.onChange(() => this.#registerAgain(signal));
    signal.addEventListener("abort", () => {
      unsubscribe();
      for (const watch of this.#watches.values()) watch.close();
      this.#watches.clear();
    });
    logger.debug({ registered: this.#existing.size }, "APIServices are registered");
  }

  async #follow(store: ResourceStore, afterRevision: number, signal: AbortSignal): Promise<void> {
    let from: number | undefined = afterRevision;
    while (!signal.aborted) {
      try {
        const selection = { namespace: "" };
        const events: AsyncIterable<readonly CacheEvent[]> = await store.cache.watch(
          from === undefined ? { selection, signal } : { selection, afterRevision: from, signal },
        );
        for await (const batch of events)
          for (const event of batch) {
            this.#changed(event.type, event.object);
            from = event.revision;
            // One that is kept, and that somebody changed or took away, is put right.
            this.#registerAgain(signal);
          }
      } catch (error) {
        if (signal.aborted) return;
        this.#dependencies.logger.warn({ error }, "APIServices are read again");
        from = undefined;
        await sleep(this.#dependencies.clock, retryMs, { signal }).catch(() => {});
      }
    }
  }

  #changed(type: CacheEvent["type"], object: AnyObject): void {
    if (type === "BOOKMARK") return;
    const service = object as AnyObject & APIService; // of the store of APIServices
    const name = object.metadata.name ?? "";
    const before = this.#existing.get(name);
    const was = before === undefined ? undefined : routeOf(before);
    const route = type === "DELETED" ? undefined : routeOf(service);
    if (type === "DELETED") this.#existing.delete(name);
    else this.#existing.set(name, service);
    if (route !== undefined) this.#setRoute(route, was);
    else if (was !== undefined) this.#dropRoute(was);
  }

  #setRoute(route: ExtensionRoute, was: ExtensionRoute | undefined): void {
    this.#routes.set(route);
    const extensions = this.#reachable();
    if (extensions === undefined) return;
    const watch = this.#watches.get(route.name);
    // Its status is what the watch itself wrote.
    if (watch !== undefined && was !== undefined && sameServer(route, was)) return;
    watch?.close();
    const { client, clock, logger, table } = this.#dependencies;
    const services = table.storeOf({ group: "", plural: "services" });
    const endpointSlices = table.storeOf({ group: "discovery.k8s.io", plural: "endpointslices" });
    if (services === undefined || endpointSlices === undefined) return;
    const started = new ExtensionWatch(route, {
      client,
      extensions,
      services,
      endpointSlices,
      clock,
      logger,
      onDiscovered: (from, entries) => this.#setDiscovered(from.name, entries),
    });
    this.#watches.set(route.name, started);
    started.run().catch((error: unknown) => logger.error({ error }, "an APIService is not checked any more"));
  }

  #dropRoute(route: ExtensionRoute): void {
    this.#routes.remove(route);
    this.#watches.get(route.name)?.close();
    this.#watches.delete(route.name);
    if (this.#discovered.delete(route.name)) this.#discoveredGeneration++;
  }

  #reachable(): ExtensionClient | undefined {
    const { transport, random, table } = this.#dependencies;
    const services = table.storeOf({ group: "", plural: "services" });
    const endpointSlices = table.storeOf({ group: "discovery.k8s.io", plural: "endpointslices" });
    if (transport === undefined || services === undefined || endpointSlices === undefined) return undefined;
    this.#extensions ??= new ExtensionClient({ transport, random, services, endpointSlices });
    return this.#extensions;
  }

  #setDiscovered(name: string, entries: readonly object[] | undefined): void {
    const known = this.#discovered.get(name);
    const next = { entries: entries ?? known?.entries ?? [], isCurrent: entries !== undefined };
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(next)) return;
    this.#discovered.set(name, next);
    this.#discoveredGeneration++;
  }

  /** Custom kinds come and go: one pass after the other. */
  #registerAgain(signal: AbortSignal): void {
    this.#registering = this.#registering
      .then(() => (signal.aborted ? undefined : this.#register({ starting: false, signal })))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#dependencies.logger.warn({ error }, "APIServices are not up to date");
      });
  }

  async #register({ starting, signal }: { starting: boolean; signal: AbortSignal }): Promise<void> {
    const wanted = localApiServices(this.#dependencies.table.all());
    const steps = planRegistration(wanted, [...this.#existing.values()], { starting });
    await Promise.all(steps.map((step) => this.#carryOut(step, signal)));
  }

  /** What somebody did first is looked at again when it is seen. */
  async #carryOut({ action, object }: RegistrationStep, signal: AbortSignal): Promise<void> {
    const { client } = this.#dependencies;
    const { name = "", uid } = object.metadata;
    try {
      if (action === "create")
        this.#changed(
          "ADDED",
          (await client.create(apiServices, object, { signal })) as AnyObject & APIService,
        ); // objects of a known kind
      else if (action === "update") await client.update(apiServices, object, { signal });
      else
        await client.delete(
          apiServices,
          { name },
          { preconditions: uid === undefined ? {} : { uid }, signal },
        );
    } catch (error) {
      if (
        isApiError(error, "AlreadyExists") ||
        isApiError(error, "NotFound") ||
        isApiError(error, "Conflict")
      )
        return;
      throw error;
    }
  }
}

function unavailable(): ApiResponse {
  return plainPage(503, "service unavailable\n");
}

function sameServer(left: ExtensionRoute, right: ExtensionRoute): boolean {
  const { available: _now, ...one } = left;
  const { available: _before, ...other } = right;
  return JSON.stringify(one) === JSON.stringify(other);
}
