import type { ResourceDefinition } from "../api/definition.ts";
import { ApiError, internalError, unauthorized } from "../apimachinery/api-error.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { ApiRequest, ApiResponse, Transport, UserInfo } from "../client/exchange.ts";
import type { Storage } from "../storage/storage.ts";
import { AdmissionChain } from "./admission-chain.ts";
import { attributesOf, authorizeRequest, effectiveUser, privileged } from "./authorize.ts";
import type { ModelLookup, ProtobufCodec } from "./content/input.ts";
import { mediaTypes, negotiateOutput } from "./content/negotiate.ts";
import type { HandlerContext, ResourceCall } from "./handlers/call.ts";
import { dispatchResource, noSuchResource } from "./handlers/dispatch.ts";
import { inProcessTransport } from "./in-process.ts";
import type { NonResourceHandler } from "./non-resource.ts";
import type { RequestInfo } from "./request-info.ts";
import { parseRequestInfo } from "./request-info.ts";
import { openResources } from "./resources.ts";
import type { Authorizer, ClientCertificate, Stages, StagesFactory } from "./stages.ts";

export interface ApiServerDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** `builtInDefinitions` of `src/api/registry.ts`. */
  readonly definitions: readonly ResourceDefinition[];
  /** The kinds' shapes. */
  readonly modelOf: ModelLookup;
  readonly protobuf?: ProtobufCodec;
  readonly stages: StagesFactory;
  /** Requests without credentials are system:anonymous; default true. */
  readonly anonymous?: boolean;
}

/** What the edge knows of a request beside its content. */
export interface RequestContext {
  /** Known already (in process): authentication is skipped. */
  readonly user?: UserInfo;
  readonly clientCertificate?: ClientCertificate;
  readonly sourceAddress?: string;
}

export interface ApiServer {
  /** Answers any request; never rejects. Failures are answers with a Status. */
  handle(request: ApiRequest, context: RequestContext): Promise<ApiResponse>;
  /** As system:masters, in this process. */
  readonly loopback: Transport;
  /** Ends watches, hooks and caches. Storage stays open: whoever opened it closes it. */
  close(): Promise<void>;
}

const anonymousUser: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
export const loopbackUser: UserInfo = {
  name: "system:apiserver",
  groups: ["system:masters", "system:authenticated"],
};

export async function createApiServer(dependencies: ApiServerDependencies): Promise<ApiServer> {
  return new Server(dependencies);
}

class Server implements ApiServer {
  readonly loopback: Transport;
  readonly #dependencies: ApiServerDependencies;
  readonly #context: HandlerContext;
  readonly #authorizer: Authorizer;
  readonly #stages: Stages;
  readonly #resources: ReturnType<typeof openResources>;
  readonly #nonResource: readonly NonResourceHandler[];

  constructor(dependencies: ApiServerDependencies) {
    this.#dependencies = dependencies;
    const { clock, random, logger, modelOf, protobuf } = dependencies;
    this.loopback = inProcessTransport(this, loopbackUser);
    this.#resources = openResources(dependencies);
    const stages = dependencies.stages(this.loopback);
    this.#authorizer = privileged(stages.authorizer);
    this.#stages = stages;
    this.#context = {
      clock,
      random,
      logger,
      input: { modelOf, ...(protobuf === undefined ? {} : { protobuf }) },
      admission: new AdmissionChain(stages.admission),
      authorizer: this.#authorizer,
      storeOf: (resource) => this.#resources.table.storeOf(resource),
    };
    this.#nonResource = [];
  }

  async handle(request: ApiRequest, context: RequestContext): Promise<ApiResponse> {
    const warnings: string[] = [];
    const auditId = request.headers["audit-id"] ?? this.#dependencies.random.uuid();
    let response: ApiResponse;
    try {
      response = await this.#answer(request, context, warnings);
    } catch (error) {
      response = this.#failed(request, error);
    }
    return withCommonHeaders(response, auditId, warnings);
  }

  async #answer(request: ApiRequest, context: RequestContext, warnings: string[]): Promise<ApiResponse> {
    const info = parseRequestInfo(request.method, request.path, request.query);
    const requestor = await this.#userOf(request, context);
    const user = await effectiveUser(this.#stages.impersonator, requestor, info, request.headers);
    await authorizeRequest(this.#authorizer, attributesOf(user, info));
    if (!info.isResourceRequest) {
      for (const handler of this.#nonResource) {
        const response = await handler.handle(request, info);
        if (response !== undefined) return response;
      }
      throw noSuchResource();
    }
    return dispatchResource(this.#context, this.#resourceCall(request, info, user, warnings));
  }

  async #userOf(request: ApiRequest, { user, ...edge }: RequestContext): Promise<UserInfo> {
    if (user !== undefined) return user;
    const { path, headers } = request;
    const known = await this.#stages.authenticator.authenticate({ path, headers, ...edge });
    if (known !== undefined) return known;
    if (this.#dependencies.anonymous === false) throw unauthorized();
    return anonymousUser;
  }

  #resourceCall(request: ApiRequest, info: RequestInfo, user: UserInfo, warnings: string[]): ResourceCall {
    const served = this.#resources.table.find(info.apiGroup, info.apiVersion, info.resource);
    if (served === undefined) throw noSuchResource();
    const { definition, version, store } = served;
    const kind = { group: definition.group, version, kind: definition.kind };
    const protobuf = this.#context.input.protobuf?.knows(kind) === true;
    const output = negotiateOutput(request.headers.accept, { protobuf, views: true });
    const warn = (text: string) => {
      if (!warnings.includes(text)) warnings.push(text);
    };
    return { request, info, user, definition, version, store, output, warn };
  }

  #failed(request: ApiRequest, error: unknown): ApiResponse {
    let status = error instanceof ApiError ? error.status : undefined;
    if (status === undefined) {
      // Whoever went away sees no answer; anything else is a fault of this server.
      if (!request.signal.aborted)
        this.#dependencies.logger.error(
          { path: request.path, method: request.method, error },
          "request failed",
        );
      status = internalError(error instanceof Error ? error.message : String(error)).status;
    }
    const retryAfter = status.details?.retryAfterSeconds;
    return {
      type: "object",
      status: status.code ?? 500,
      headers: {
        "content-type": mediaTypes.json,
        ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
      },
      object: status,
    };
  }

  async close(): Promise<void> {
    await this.loopback.close();
    await this.#resources.close();
  }
}

function withCommonHeaders(response: ApiResponse, auditId: string, warnings: readonly string[]): ApiResponse {
  const headers = {
    "audit-id": auditId,
    "cache-control": "no-cache, private",
    ...response.headers,
    ...(warnings.length === 0 ? {} : { warning: warnings.map(warningHeader) }),
  };
  return { ...response, headers };
}

const warningMaxLength = 4096;

/** Code 299, no agent, the text quoted (RFC 7234). */
function warningHeader(text: string): string {
  const printable = text.replace(/\p{Cc}/gu, " ").slice(0, warningMaxLength);
  return `299 - "${printable.replace(/[\\"]/g, "\\$&")}"`;
}
