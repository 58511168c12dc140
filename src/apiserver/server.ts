import type { ResourceDefinition } from "../api/definition.ts";
import { ApiError, internalError, type QualifiedResource, unauthorized } from "../apimachinery/api-error.ts";
import type { ApiRequest, ApiResponse, Transport, UserInfo } from "../client/exchange.ts";
import { createClient } from "../client/rest-client.ts";
import { EncryptionError } from "../storage/storage.ts";
import { AdmissionChain } from "./admission-chain.ts";
import { Aggregator } from "./aggregation/aggregator.ts";
import type { ApiServer, ApiServerDependencies, RequestContext, Upgrade } from "./api-server.ts";
import { FieldManagement } from "./apply/field-management.ts";
import type { AuditTrail } from "./audit/trail.ts";
import { attributesOf, authorizeRequest, effectiveUser, privileged } from "./authorize.ts";
import { auditIdOf, type Told, withCommonHeaders } from "./common-headers.ts";
import type { BackendRequest } from "./connect/backend.ts";
import { wantsPretty } from "./content/pretty.ts";
import { FlowControl, turnedAway } from "./flow-control/flow-control.ts";
import { flowHooks } from "./flow-control/flow-hooks.ts";
import { type HandlerContext, kindOf, type ResourceCall } from "./handlers/call.ts";
import { isConnection, resolveConnection } from "./handlers/connections.ts";
import { handleCreateHandler } from "./handlers/create-handlers.ts";
import { dispatchResource } from "./handlers/dispatch.ts";
import { outputOf, refusalOf } from "./handlers/output.ts";
import {
  declaredSubresource,
  dispatchSubresource,
  type SubresourceDependencies,
} from "./handlers/subresources.ts";
import { type HealthCheck, storageCheck } from "./health.ts";
import { inProcessTransport } from "./in-process.ts";
import { countedAnswer } from "./metrics/counted-answer.ts";
import { meteredAuthenticator, meteredAuthorizer } from "./metrics/metered-access.ts";
import { ServerMetrics } from "./metrics/server-metrics.ts";
import type { NonResourceHandler } from "./non-resource.ts";
import { isTrue, parseRequestInfo, type RequestInfo } from "./request-info.ts";
import type { ServedResource } from "./resource-table.ts";
import { Resources } from "./resources.ts";
import { noSuchResource } from "./router-refusals.ts";
import { serverPaths } from "./server-paths.ts";
import type { Authorizer, CreateHandler, Stages } from "./stages.ts";
import { startHooks } from "./start-hooks.ts";
import { Startup } from "./startup.ts";
import { unserved } from "./unserved.ts";

export type { ApiServer, ApiServerDependencies, RequestContext, Upgrade } from "./api-server.ts";

const anonymousUser: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
export const loopbackUser: UserInfo = {
  name: "system:apiserver",
  groups: ["system:masters", "system:authenticated"],
};

type Asked = Pick<ResourceCall, "request" | "info" | "user">;

export async function createApiServer(dependencies: ApiServerDependencies): Promise<ApiServer> {
  return new Server(dependencies);
}

class Server implements ApiServer {
  readonly loopback: Transport;
  readonly #dependencies: ApiServerDependencies;
  readonly #context: HandlerContext;
  readonly #authorizer: Authorizer;
  readonly #stages: Stages;
  readonly #resources: Resources;
  readonly #createHandlers = new Map<string, CreateHandler>();
  readonly #subresources: SubresourceDependencies;
  readonly metrics: ServerMetrics;
  readonly #flow: FlowControl;
  readonly #startup: Startup;
  readonly #ending = new AbortController();
  #isShuttingDown = false;
  readonly #nonResource: readonly NonResourceHandler[];
  readonly #builtInGroups: ReadonlySet<string>;
  readonly #aggregator: Aggregator;

  constructor(dependencies: ApiServerDependencies) {
    this.#dependencies = dependencies;
    this.metrics = new ServerMetrics(() => dependencies.clock.now());
    const { clock, random, logger, modelOf, protobuf, parseYaml } = dependencies;
    this.loopback = inProcessTransport(this, loopbackUser);
    this.#resources = new Resources({ ...dependencies, metrics: this.metrics.storage });
    this.#flow = new FlowControl(dependencies.flowControl ?? {}, {
      clock,
      random,
      statsOf: ({ apiGroup, resource }) => this.#resources.statsOf(apiGroup, resource),
    });
    const stages = dependencies.stages(this.loopback);
    const now = () => clock.now();
    const authorizer = privileged(stages.authorizer);
    this.#authorizer = meteredAuthorizer(authorizer, this.metrics.access, now);
    this.#stages = {
      ...stages,
      authenticator: meteredAuthenticator(stages.authenticator, this.metrics.access, now),
    };
    for (const handler of stages.createHandlers ?? [])
      this.#createHandlers.set(`${handler.group}/${handler.resource}/${handler.subresource ?? ""}`, handler);
    this.#subresources = {
      backends: dependencies.backends,
      createHandlerOf: (group, plural, subresource) => this.#createHandlerOf(group, plural, subresource),
    };
    this.#context = {
      clock,
      random,
      logger,
      input: { modelOf, ...(protobuf && { protobuf }), ...(parseYaml && { parseYaml }) },
      fieldManagement: new FieldManagement(modelOf),
      admission: new AdmissionChain(stages.admission, { metrics: this.metrics.admission, now }),
      authorizer,
      minWatchSeconds: dependencies.minWatchSeconds ?? 1800,
      components: [...(dependencies.components ?? []), storageCheck("etcd-0", dependencies.storage)],
      storeOf: (resource) => this.#resources.table.storeOf(resource),
    };
    this.#aggregator = new Aggregator({
      table: this.#resources.table,
      client: createClient({ transport: this.loopback, clock }),
      clock,
      random,
      logger,
      ...(dependencies.extensionTransport && { transport: dependencies.extensionTransport }),
    });
    const { rules: ruleMetrics } = this.metrics;
    this.#startup = new Startup(
      [
        ...startHooks({ ...dependencies, ruleMetrics }, this.#resources, this.#aggregator, this.loopback),
        ...flowHooks(dependencies, this.#resources.table, this.#flow),
        ...(stages.postStartHooks ?? []),
      ],
      dependencies,
    );
    this.#nonResource = serverPaths({
      dependencies,
      resources: this.#resources,
      aggregator: this.#aggregator,
      startup: this.#startup,
      flow: this.#flow,
      metrics: this.metrics,
      stages,
      shutdownCheck: this.#shutdownCheck(),
    });
    this.#builtInGroups = new Set(dependencies.definitions.map(({ group }) => group));
  }

  async handle(request: ApiRequest, context: RequestContext): Promise<ApiResponse> {
    const auditId = auditIdOf(request, this.#dependencies.random);
    const info = parseRequestInfo(request.method, request.path, request.query);
    const { clock } = this.#dependencies;
    const served = this.#servedBy(info);
    if (context.user === loopbackUser) this.metrics.requests.askedItself(request, info);
    const observe = this.metrics.requests.begin({
      request,
      info,
      startMs: clock.now(),
      isServed: served !== undefined,
    });
    const audit = this.#openAudit(request, info, context, auditId);
    const told: Told = { served, warnings: [], audit, seat: undefined, waitedMs: 0, isHandled: false };
    let response: ApiResponse;
    try {
      response = await this.#answer(request, info, context, told);
    } catch (error) {
      response = this.#failed(request, error, audit);
    }
    const { seat, waitedMs } = told;
    const code = response.status;
    // Upstream's router refuses a method before anything is counted.
    const isHandled = told.isHandled && code !== 405;
    const conclude = (bytes: number) => {
      const endMs = clock.now();
      seat?.leave(endMs);
      observe({ code, endMs, bytes, waitedMs, aborted: request.signal.aborted, isHandled });
    };
    // A watch holds its seat only until it has begun.
    if (response.type === "watch") seat?.leave(clock.now());
    if (context.onAnswered === undefined) conclude(0);
    else context.onAnswered(conclude);
    const complete = withCommonHeaders(response, auditId, { ...told, isPretty: wantsPretty(request) });
    return audit === undefined ? complete : audit.answered(complete);
  }

  #servedBy({ isResourceRequest, apiGroup, apiVersion, resource }: RequestInfo): ServedResource | undefined {
    return isResourceRequest ? this.#resources.table.find(apiGroup, apiVersion, resource) : undefined;
  }

  #openAudit(
    request: ApiRequest,
    info: RequestInfo,
    { sourceAddress }: RequestContext,
    auditId: string,
  ): AuditTrail | undefined {
    const { auditor, clock } = this.#dependencies;
    return auditor?.open(request, info, { auditId, sourceAddress, atMs: clock.now() });
  }

  async #answer(
    request: ApiRequest,
    info: RequestInfo,
    context: RequestContext,
    told: Told,
  ): Promise<ApiResponse> {
    const startMs = this.#dependencies.clock.now();
    const user = await this.#actingUser(request, info, context, told);
    const inProcess = context.user !== undefined;
    // Components of this process share its one thread with whoever answers them: they pace themselves.
    const seat = inProcess ? undefined : this.#flow.begin(info, user, request);
    told.seat = seat;
    if (seat !== undefined && !seat.isGranted) {
      const sinceMs = this.#dependencies.clock.now();
      const mayGoOn = await this.#flow.wait(seat, request);
      told.waitedMs = this.#dependencies.clock.now() - sinceMs;
      if (!mayGoOn) return turnedAway(seat);
    }
    await authorizeRequest(this.#authorizer, attributesOf(user, info), told.audit);
    const extension = this.#aggregator.find(request.path);
    if (extension !== undefined) return this.#aggregator.handle(extension, request, { user, inProcess });
    const response = await this.#dispatch(request, info, user, told);
    if (inProcess) return response;
    const isWatchList = info.verb === "watch" && isTrue(request.query.get("sendInitialEvents"));
    return countedAnswer(response, info, {
      metrics: this.metrics,
      watches: this.#flow.controller.watches,
      listed: isWatchList
        ? () => this.metrics.requests.watchListed(info, this.#dependencies.clock.now() - startMs)
        : undefined,
    });
  }

  async #dispatch(request: ApiRequest, info: RequestInfo, user: UserInfo, told: Told): Promise<ApiResponse> {
    told.isHandled = true;
    if (!info.isResourceRequest) {
      for (const handler of this.#nonResource) {
        const response = await handler.handle(request, info);
        if (response !== undefined) return response;
      }
      return unserved(info.path, this.#builtInGroups);
    }
    if (told.served === undefined) return unserved(info.path, this.#builtInGroups);
    const call = this.#resourceCall(told.served, { request, info, user }, told);
    if (info.subresource !== "") return dispatchSubresource(this.#context, call, this.#subresources);
    const handler =
      info.verb === "create" ? this.#createHandlerOf(info.apiGroup, info.resource, "") : undefined;
    if (handler !== undefined) return handleCreateHandler(this.#context, call, handler, kindOf(call));
    return dispatchResource(this.#context, call);
  }

  async upgrade(request: ApiRequest, context: RequestContext): Promise<Upgrade> {
    const info = parseRequestInfo(request.method, request.path, request.query);
    const auditId = auditIdOf(request, this.#dependencies.random);
    const audit = this.#openAudit(request, info, context, auditId);
    const served = this.#servedBy(info);
    const told: Told = { served, warnings: [], audit, seat: undefined, waitedMs: 0, isHandled: true };
    try {
      const passage = await this.#passage(request, info, context, told);
      return audit === undefined ? { passage } : { passage, ended: await audit.upgraded() };
    } catch (error) {
      const failed = this.#failed(request, error, audit);
      const refusal = withCommonHeaders(failed, auditId, { ...told, isPretty: wantsPretty(request) });
      return { refusal: audit === undefined ? refusal : await audit.answered(refusal) };
    }
  }

  async #passage(
    request: ApiRequest,
    info: RequestInfo,
    context: RequestContext,
    told: Told,
  ): Promise<BackendRequest> {
    const user = await this.#actingUser(request, info, context, told);
    await authorizeRequest(this.#authorizer, attributesOf(user, info), told.audit);
    const extension = this.#aggregator.find(request.path);
    if (extension !== undefined) return this.#aggregator.passage(extension, request, user);
    if (told.served === undefined) throw noSuchResource();
    const call = this.#resourceCall(told.served, { request, info, user }, told);
    const subresource = declaredSubresource(call);
    if (subresource === undefined || !isConnection(call)) throw noSuchResource();
    return resolveConnection(this.#context, call, subresource);
  }

  /** Whom the request is carried out as. */
  async #actingUser(
    request: ApiRequest,
    info: RequestInfo,
    context: RequestContext,
    { audit, warnings }: Told,
  ): Promise<UserInfo> {
    let requestor: UserInfo;
    try {
      requestor = await this.#userOf(request, context, { audit, warnings });
    } catch (error) {
      audit?.beginUnauthenticated();
      throw error;
    }
    if (audit !== undefined) await audit.begin(requestor);
    return effectiveUser(this.#stages.impersonator, requestor, info, request.headers, audit);
  }

  get #hasProtobuf(): boolean {
    return this.#context.input.protobuf !== undefined;
  }

  #createHandlerOf(group: string, resource: string, subresource: string): CreateHandler | undefined {
    return this.#createHandlers.get(`${group}/${resource}/${subresource}`);
  }

  async #userOf(
    request: ApiRequest,
    { user, ...edge }: RequestContext,
    { audit, warnings }: Pick<Told, "audit" | "warnings">,
  ): Promise<UserInfo> {
    if (user !== undefined) return user;
    const { path, headers } = request;
    const known = await this.#stages.authenticator.authenticate({
      path,
      headers,
      ...edge,
      warn: (text) => void warnings.push(text),
      ...(audit === undefined ? {} : { annotate: audit.annotate }),
    });
    if (known !== undefined) return known;
    if (this.#dependencies.anonymous === false) throw unauthorized();
    return anonymousUser;
  }

  #resourceCall(served: ServedResource, asked: Asked, { warnings, audit }: Told): ResourceCall {
    const { definition, version, store } = served;
    const { request, info } = asked;
    const output = outputOf(request, { definition, info }, this.#hasProtobuf);
    const warn = (text: string) => {
      if (!warnings.includes(text)) warnings.push(text);
    };
    const { custom } = definition;
    const deprecation = custom?.deprecationWarning ?? definition.deprecationWarning;
    if (deprecation !== undefined) {
      warn(deprecation);
      audit?.annotate("k8s.io/deprecated", "true");
      this.metrics.requests.askedDeprecated(info, deprecation);
    }
    return { ...asked, definition, version, store, output, warn, audit };
  }

  #failed(request: ApiRequest, error: unknown, audit: AuditTrail | undefined): ApiResponse {
    let refused = error instanceof ApiError ? error : undefined;
    if (refused === undefined) {
      // Whoever went away sees no answer; anything else is a fault of this server.
      if (!request.signal.aborted) {
        const { path, method } = request;
        this.#dependencies.logger.error({ path, method, error }, "request failed");
        if (!(error instanceof EncryptionError)) audit?.panicked(error);
      }
      refused = internalError(error instanceof Error ? error.message : String(error));
    }
    return refusalOf(refused, request.headers.accept, this.#hasProtobuf);
  }

  definitions(): readonly ResourceDefinition[] {
    return this.#resources.table.all();
  }

  definitionOf({
    group,
    resource,
    version,
  }: QualifiedResource & { readonly version?: string }): ResourceDefinition | undefined {
    const definition = this.#resources.table.definitionOf({ group, plural: resource });
    return version === undefined ? definition : (definition?.custom?.forVersion(version) ?? definition);
  }

  #shutdownCheck(): HealthCheck {
    return {
      name: "shutdown",
      check: () => {
        if (this.#isShuttingDown) throw new Error("process is shutting down");
      },
    };
  }

  beginShutdown(): void {
    this.#isShuttingDown = true;
  }

  start(): Promise<void> {
    return this.#startup.run(this.loopback, this.#ending.signal);
  }

  async close(): Promise<void> {
    await this.#startup.stop();
    this.#ending.abort(new Error("the server is closed"));
    await this.loopback.close();
    await this.#resources.close();
  }
}
