import type { APIService } from "../../api/apiregistration/types.generated.ts";
import { apiServices } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Client } from "../../client/client.ts";
import type { ResourceStore } from "../registry/store.ts";
import { type Finding, failedCheck, passed, serviceProblem, withAvailability } from "./availability.ts";
import type { ExtensionClient } from "./extension-client.ts";
import { aggregatedEntries, entriesOfResourceList } from "./extension-discovery.ts";
import type { ExtensionRoute } from "./routes.ts";

const checkEveryMs = 30_000;
const firstRetryMs = 1_000;

export interface ExtensionWatchDependencies {
  readonly client: Client;
  readonly extensions: ExtensionClient;
  readonly services: ResourceStore;
  readonly endpointSlices: ResourceStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told what the server says it has; undefined: it could not be asked. */
  readonly onDiscovered: (route: ExtensionRoute, entries: readonly object[] | undefined) => void;
}

/** Keeps one APIService's condition `Available`, and what its server has to offer, up to date until it is closed. */
export class ExtensionWatch {
  readonly #dependencies: ExtensionWatchDependencies;
  readonly #ending = new AbortController();
  #route: ExtensionRoute;
  #wake: (() => void) | undefined;
  #isDue = true;

  constructor(route: ExtensionRoute, dependencies: ExtensionWatchDependencies) {
    this.#route = route;
    this.#dependencies = dependencies;
  }

  /** The APIService says something else now: it is checked at once. */
  update(route: ExtensionRoute): void {
    this.#route = route;
    this.check();
  }

  /** Checks without waiting for the next time. */
  check(): void {
    this.#isDue = true;
    this.#wake?.();
  }

  close(): void {
    this.#ending.abort();
    this.#wake?.();
  }

  async run(): Promise<void> {
    const { signal } = this.#ending;
    const { services, endpointSlices } = this.#dependencies;
    const { namespace, name } = this.#route.service;
    void this.#checkOnChange(services, { namespace, name });
    void this.#checkOnChange(endpointSlices, { namespace });
    for (let failures = 0; !signal.aborted; ) {
      this.#isDue = false;
      const finding = await this.#examine(signal);
      if (signal.aborted) return;
      await this.#report(finding);
      failures = finding.status === "True" ? 0 : failures + 1;
      await this.#wait(
        failures === 0 ? checkEveryMs : Math.min(checkEveryMs, firstRetryMs * 2 ** (failures - 1)),
      );
    }
  }

  async #checkOnChange(
    store: ResourceStore,
    selection: { readonly namespace: string; readonly name?: string },
  ): Promise<void> {
    const { signal } = this.#ending;
    const { logger } = this.#dependencies;
    const matches = (object: {
      readonly metadata: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
    }) =>
      selection.name === undefined
        ? object.metadata.labels?.["kubernetes.io/service-name"] === this.#route.service.name
        : object.metadata.name === selection.name;
    try {
      while (!signal.aborted) {
        const events = await store.cache.watch({
          selection: { namespace: selection.namespace, matches },
          skipInitialEvents: true,
          signal,
        });
        for await (const _ of events) this.check();
      }
    } catch (error) {
      if (!signal.aborted)
        logger.warn({ error }, "changes behind an APIService are seen at the next check only");
    }
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#isDue || this.#ending.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer: Timer = this.#dependencies.clock.setTimer(delayMs, done);
      this.#wake = done;
    });
  }

  async #examine(signal: AbortSignal): Promise<Finding> {
    const { extensions } = this.#dependencies;
    const route = this.#route;
    try {
      const { service, slices } = await extensions.observe(route);
      const problem = serviceProblem(route, service, slices);
      if (problem !== undefined) return problem;
      await this.#discover(route, signal);
      return passed;
    } catch (error) {
      return failedCheck(error instanceof Error ? error.message : String(error));
    }
  }

  /** Asks for the version's own document, which every API server has; then for the newer form of all. */
  async #discover(route: ExtensionRoute, signal: AbortSignal): Promise<void> {
    const { extensions, onDiscovered } = this.#dependencies;
    const path = route.group === "" ? `/api/${route.version}` : `/apis/${route.group}/${route.version}`;
    const url = `https://${route.service.name}.${route.service.namespace}.svc:${route.service.port}${path}`;
    const list = await extensions
      .document(route, path, { accept: "application/json" }, { signal })
      .catch((error: unknown) => {
        onDiscovered(route, undefined);
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`failing or missing response from ${url}: ${why}`);
      });
    if (list.status < 200 || list.status > 299) {
      onDiscovered(route, undefined);
      throw new Error(`failing or missing response from ${url}: bad status from ${url}: ${list.status}`);
    }
    onDiscovered(route, (await this.#aggregated(route, signal)) ?? entriesOfResourceList(parse(list.bytes)));
  }

  async #aggregated(route: ExtensionRoute, signal: AbortSignal): Promise<readonly object[] | undefined> {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    try {
      const document = await this.#dependencies.extensions.document(route, "/apis", { accept }, { signal });
      if (document.status !== 200 || !document.contentType.includes("as=APIGroupDiscoveryList"))
        return undefined;
      return aggregatedEntries(parse(document.bytes)).get(`${route.group}/${route.version}`);
    } catch {
      // A server that has only the older form is one of these.
      return undefined;
    }
  }

  async #report(finding: Finding): Promise<void> {
    const { client, clock, logger } = this.#dependencies;
    const { signal } = this.#ending;
    const { name } = this.#route;
    try {
      const current = await client.get(apiServices, { name }, { resourceVersion: "0", signal });
      const conditions = current.status?.conditions ?? [];
      const after = withAvailability(conditions, finding, rfc3339(clock.now()));
      if (after === conditions) return;
      const changed: APIService = { ...current, status: { ...current.status, conditions: after } };
      await client.update(apiServices, changed, { subresource: "status", signal });
    } catch (error) {
      if (signal.aborted || isApiError(error, "NotFound")) return;
      if (isApiError(error, "Conflict")) {
        this.check();
        return;
      }
      logger.warn({ error, apiService: name }, "the availability of an APIService cannot be written");
    }
  }
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
