import { internalError, type Status } from "../../apimachinery/api-error.ts";
import { rfc3339Micro } from "../../base/clock.ts";
import type { ApiRequest, ApiResponse, UserInfo } from "../../client/exchange.ts";
import { isLongRunning } from "../http/long-running.ts";
import type { RequestInfo } from "../request-info.ts";
import { type AuditEvent, type AuditObjectReference, auditUser } from "./event.ts";
import { withoutManagedFields } from "./managed-fields.ts";
import { type AuditConfiguration, type AuditLevel, type AuditStage, isAtLeast } from "./policy.ts";
import { requestUri } from "./request-uri.ts";
import { sourceIps } from "./source-ips.ts";

/** When and where a request came in. */
export interface Arrival {
  readonly auditId: string;
  /** Of the connection it came on; absent in process. */
  readonly sourceAddress?: string | undefined;
  readonly atMs: number;
}

export interface TrailDependencies {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly arrival: Arrival;
  readonly evaluate: (user: UserInfo | undefined) => AuditConfiguration;
  /** A promise: the request waits for it; false: the event is lost, and that is not to be. */
  readonly emit: (event: AuditEvent) => Promise<boolean> | undefined;
  /** The request is refused because it cannot be recorded. */
  readonly rejected: () => void;
  readonly now: () => number;
}

const maxUserAgentLength = 1024;
/** Requests that take longer say so in their annotations. */
const slowRequestMs = 500;

type Fields = { -readonly [Name in keyof AuditEvent]?: AuditEvent[Name] };

/**
 * The record of one request: what is learned of it on its way, and the events that tell of it, one a stage (upstream's
 * `AuditContext`). Nothing is kept of a request whose level is None.
 */
export class AuditTrail {
  readonly #dependencies: TrailDependencies;
  #configuration: AuditConfiguration | undefined;
  #annotations: Record<string, string> | undefined;
  #fields: Fields = {};
  #failedAuthentication = false;
  /** Of the stages that are told and may not be written yet. */
  #writes: Promise<boolean> | undefined;

  constructor(dependencies: TrailDependencies) {
    this.#dependencies = dependencies;
  }

  /** It is known who asks: the policy says what is recorded. Rejects where that must be recorded and cannot be. */
  async begin(user: UserInfo): Promise<void> {
    if (!this.#configure(user)) return;
    this.#stage("RequestReceived");
    if (await this.#kept()) return;
    this.#configuration = unrecorded;
    this.#dependencies.rejected();
    throw internalError("failed to store audit event");
  }

  /** Credentials were given that are none; told with the answer alone, as upstream does. */
  beginUnauthenticated(): void {
    this.#failedAuthentication = true;
    this.#configure(undefined);
  }

  /** `constraint`: the verb that allowed it, where it is not the one that allows everything. */
  impersonates(user: UserInfo, constraint?: string): void {
    if (!this.#isRecorded) return;
    this.#fields.impersonatedUser = auditUser(user);
    if (constraint !== undefined)
      this.#fields.authenticationMetadata = { impersonationConstraint: constraint };
  }

  /** A bound function: admission gets it. What was said first stays. */
  readonly annotate = (key: string, value: string, level: AuditLevel = "Metadata"): void => {
    if (this.#configuration !== undefined && !isAtLeast(this.#configuration.level, level)) return;
    this.#annotations ??= {};
    this.#annotations[key] ??= value;
  };

  /** What the request's body said: `object` is called where it is recorded. Names fill up what the path left open. */
  requestObject(object: () => { readonly metadata?: unknown }): void {
    if (!this.#isRecorded) return;
    const read = object();
    this.#complete(read.metadata);
    if (this.#records("Request")) this.#fields.requestObject = this.#shown(read);
  }

  /** A patch as it was sent. */
  requestPatch(patch: Uint8Array): void {
    if (this.#records("Request")) this.#fields.requestObject = parsed(patch);
  }

  /** The request was answered, or an answer that lasts has begun: the answer to send, whose end is told too. */
  async answered(response: ApiResponse): Promise<ApiResponse> {
    if (!this.#isRecorded) return response;
    const told = this.#told(response);
    await this.#kept();
    return told;
  }

  #told(response: ApiResponse): ApiResponse {
    this.#describe(response);
    if (this.#failedAuthentication) {
      this.#stage("ResponseStarted");
      return response;
    }
    if (!isLongRunning(this.#dependencies.request)) {
      this.#finish();
      return response;
    }
    this.#stage("ResponseStarted");
    if (response.type === "watch")
      return { ...response, events: observed(response.events, () => this.#finish()) };
    if (response.type === "bytes")
      return { ...response, body: observed(response.body, () => this.#finish()) };
    this.#finish();
    return response;
  }

  /** The connection was taken over: the function is called when that ends. */
  async upgraded(): Promise<() => void> {
    this.#fields.responseStatus = { metadata: {}, code: 101 };
    if (this.#isRecorded) this.#stage("ResponseStarted");
    await this.#kept();
    return () => {
      if (this.#isRecorded) this.#finish();
    };
  }

  /** The server failed, which no answer was meant for. */
  panicked(error: unknown): void {
    if (!this.#isRecorded) return;
    this.#fields.responseStatus = {
      metadata: {},
      status: "Failure",
      message: `APIServer panic'd: ${error instanceof Error ? error.message : String(error)}`,
      reason: "InternalError",
      code: 500,
    };
    this.#stage("Panic");
    this.#configuration = unrecorded;
  }

  /** Whether all that was told so far is kept; whoever waits for it waits for the disk. */
  async #kept(): Promise<boolean> {
    const writes = this.#writes;
    this.#writes = undefined;
    return (await writes) ?? true;
  }

  get #isRecorded(): boolean {
    return this.#records("Metadata");
  }

  #records(level: AuditLevel): boolean {
    return this.#configuration !== undefined && isAtLeast(this.#configuration.level, level);
  }

  #configure(user: UserInfo | undefined): boolean {
    const { request, info, arrival, evaluate } = this.#dependencies;
    const configuration = evaluate(user);
    this.#configuration = configuration;
    if (configuration.level === "None") return false;
    const addresses = sourceIps(request.headers, arrival.sourceAddress);
    const agent = request.headers["user-agent"] ?? "";
    this.#fields = {
      requestURI: requestUri(request),
      verb: info.verb,
      user: user === undefined ? {} : auditUser(user),
      ...(addresses.length === 0 ? {} : { sourceIPs: addresses }),
      ...(agent === "" ? {} : { userAgent: truncated(agent) }),
      ...(info.isResourceRequest ? { objectRef: referenceOf(info) } : {}),
    };
    return true;
  }

  #complete(metadata: unknown): void {
    const { objectRef = {} } = this.#fields;
    const { namespace, name, uid, resourceVersion } = (metadata ?? {}) as Partial<AuditObjectReference>; // as objects have it
    this.#fields.objectRef = {
      ...objectRef,
      ...(objectRef.namespace || !namespace ? {} : { namespace }),
      ...(objectRef.name || !name ? {} : { name }),
      ...(uid ? { uid } : {}),
      ...(resourceVersion ? { resourceVersion } : {}),
    };
  }

  #shown(object: object): object {
    return this.#configuration?.omitManagedFields === true ? withoutManagedFields(object) : object;
  }

  #describe(response: ApiResponse): void {
    const { status: code } = response;
    this.#fields.responseStatus = { metadata: {}, code };
    if (response.type !== "object" || typeof response.object !== "object" || response.object === null) return;
    if ("kind" in response.object && response.object.kind === "Status") {
      const { status, message, reason, details } = response.object as Partial<Status>; // its kind says so
      this.#fields.responseStatus = {
        metadata: {},
        ...(status === undefined ? {} : { status }),
        ...(message === undefined ? {} : { message }),
        ...(reason === undefined ? {} : { reason }),
        ...(details === undefined ? {} : { details }),
        code,
      };
    }
    if (this.#records("RequestResponse")) this.#fields.responseObject = this.#shown(response.object);
  }

  #finish(): void {
    const tookMs = this.#dependencies.now() - this.#dependencies.arrival.atMs;
    if (tookMs > slowRequestMs) this.annotate("apiserver.latency.k8s.io/total", `${tookMs / 1000}s`);
    this.#stage("ResponseComplete");
  }

  #stage(stage: AuditStage): void {
    const { arrival, emit, now } = this.#dependencies;
    const { level = "None", omitStages = [] } = this.#configuration ?? {};
    if (omitStages.includes(stage)) return;
    const { requestURI = "", verb = "", user = {} } = this.#fields;
    const { impersonatedUser, authenticationMetadata, sourceIPs, userAgent, objectRef, ...later } =
      this.#fields;
    const { responseStatus, requestObject, responseObject } = later;
    this.#writes = emit({
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level,
      auditID: arrival.auditId,
      stage,
      requestURI,
      verb,
      user,
      ...(impersonatedUser && { impersonatedUser }),
      ...(authenticationMetadata && { authenticationMetadata }),
      ...(sourceIPs && { sourceIPs }),
      ...(userAgent && { userAgent }),
      ...(objectRef && { objectRef }),
      ...(responseStatus && { responseStatus }),
      ...(requestObject === undefined ? {} : { requestObject }),
      ...(responseObject === undefined ? {} : { responseObject }),
      requestReceivedTimestamp: rfc3339Micro(arrival.atMs),
      stageTimestamp: rfc3339Micro(stage === "RequestReceived" ? arrival.atMs : now()),
      ...(this.#annotations && { annotations: { ...this.#annotations } }),
    });
  }
}

const unrecorded: AuditConfiguration = { level: "None", omitStages: [], omitManagedFields: false };

function referenceOf(info: RequestInfo): AuditObjectReference {
  const { resource, namespace, name, apiGroup, apiVersion, subresource } = info;
  const all = { resource, namespace, name, apiGroup, apiVersion, subresource };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

function truncated(agent: string): string {
  return agent.length > maxUserAgentLength ? `${agent.slice(0, maxUserAgentLength)}...TRUNCATED` : agent;
}

/** JSON as JSON; what is none (YAML) as the text it is. */
function parsed(patch: Uint8Array): unknown {
  const text = new TextDecoder().decode(patch);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same items; `ended` is called once when there are no more, or nobody wants them any more. */
function observed<T>(items: AsyncIterable<T>, ended: () => void): AsyncIterable<T> {
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    ended();
  };
  return {
    [Symbol.asyncIterator]() {
      const iterator = items[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const step = await iterator.next();
            if (step.done === true) end();
            return step;
          } catch (error) {
            end();
            throw error;
          }
        },
        async return(value?: unknown) {
          end();
          return (await iterator.return?.(value)) ?? { done: true, value };
        },
      };
    },
  };
}
