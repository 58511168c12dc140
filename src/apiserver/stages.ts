import type { AnyObject, GroupVersionKind, GroupVersionResource } from "../apimachinery/meta.ts";
import type { MetricSource } from "../base/metrics/family.ts";
import type { Transport, UserInfo } from "../client/exchange.ts";
import type { Reinvocation } from "./admission/reinvocation.ts";
import type { AdmissionHookMetrics } from "./metrics/admission-hook-metrics.ts";
import type { RequestInfo } from "./request-info.ts";

/**
 * The stages a request passes before it reaches the registry. The server owns the order; authentication,
 * authorization and admission implement these interfaces and are handed in.
 */

/** What a TLS client certificate said, as the listener saw it. */
export interface ClientCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** The subject's 1.3.6.1.4.1.57683.2. */
  readonly uid?: string;
  /** The chain ends at one of the listener's client certificate authorities and is within its validity. */
  readonly verified: boolean;
  readonly expiresAtMs?: number;
  /** Why it is not verified. */
  readonly verificationError?: string;
  /** The leaf, DER. */
  readonly raw?: Uint8Array;
}

export interface AuthenticationRequest {
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly clientCertificate?: ClientCertificate;
  readonly sourceAddress?: string;
  /** Tells the audit log. */
  annotate?(key: string, value: string): void;
  /** Adds a Warning header to the answer. */
  warn?(text: string): void;
}

export interface Authenticator {
  /**
   * Who is asking. Undefined: the request carries no credentials this authenticator knows; the server then takes it for
   * system:anonymous (or refuses it, where anonymous access is off). Throws `unauthorized()` for bad credentials.
   */
  authenticate(request: AuthenticationRequest): Promise<UserInfo | undefined> | UserInfo | undefined;
}

/** A request as authorizers see it: upstream's `authorizer.Attributes`. Also the shape of a SubjectAccessReview. */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly isResourceRequest: boolean;
  /** The rest is "" where it does not apply. */
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface AuthorizerName {
  readonly type: string;
  readonly name: string;
}

export interface AuthorizationDecision {
  readonly allowed: boolean;
  /** An explicit no that ends a chain of authorizers; absent: no opinion. */
  readonly denied?: boolean;
  readonly reason: string;
  /** An authorizer could not be asked, or contradicts itself: where nothing allows the request, that is a 500. */
  readonly error?: string;
  /** The one of a chain that decided: its type ("RBAC", "Webhook") and its name. */
  readonly decidedBy?: AuthorizerName;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> | AuthorizationDecision;
}

export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** Upstream's `admission.Attributes`. Objects are immutable; `admit` returns a changed copy. */
export interface AdmissionAttributes {
  readonly operation: AdmissionOperation;
  /** The request's verb: an UPDATE comes of "update" or "patch". */
  readonly verb?: string;
  readonly resource: GroupVersionResource;
  readonly kind: GroupVersionKind;
  /** "" for the object itself. */
  readonly subresource: string;
  readonly namespace: string;
  /** "" for a create with generateName. */
  readonly name: string;
  readonly user: UserInfo;
  /** What is to be written, in the request's version; absent for DELETE. For CONNECT the options (PodExecOptions …). */
  readonly object?: AnyObject;
  /** What stands there now; absent for CREATE and CONNECT. */
  readonly oldObject?: AnyObject;
  readonly dryRun: boolean;
  /** The create, update or delete options of the request. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Adds a Warning header to the answer. */
  warn(text: string): void;
  /** Tells the audit log, from this level on (Metadata unless said). Absent: nothing is recorded. */
  annotate?(key: string, value: string, level?: "Metadata" | "Request"): void;
  /** What the plugins of one request share; the chain sets it. */
  readonly course?: AdmissionCourse;
}

export interface AdmissionCourse {
  readonly reinvocation: Reinvocation;
  readonly metrics: AdmissionHookMetrics;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Refuses by throwing an ApiError, as a rule `forbidden()`. `Review` of the chain runs every admit, then every validate. */
export interface AdmissionPlugin {
  readonly name: string;
  handles(operation: AdmissionOperation): boolean;
  /** The object, changed or as it was. Runs for CREATE, UPDATE, CONNECT and (its result unused) DELETE. */
  admit?(attributes: AdmissionAttributes): Promise<AnyObject | undefined> | AnyObject | undefined;
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}

/** What a create handler may know about the request it answers. */
export interface CallContext {
  readonly user: UserInfo;
  readonly requestInfo: RequestInfo;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  warn(text: string): void;
  /** Tells the audit log. */
  annotate?(key: string, value: string): void;
}

/**
 * A POST that stores nothing itself: the review kinds (TokenReview, SubjectAccessReview …) and subresources such as
 * serviceaccounts/token. The definition says the kind; the server decodes and defaults the body before.
 */
export interface CreateHandler {
  readonly group: string;
  readonly resource: string;
  /** Absent: POST to the collection. */
  readonly subresource?: string;
  /** Fills what a body of another kind than the resource's leaves out. */
  defaults?(object: AnyObject): AnyObject;
  create(object: AnyObject, context: CallContext): Promise<AnyObject>;
}

/** Work done once after the server can serve; /readyz waits for it under `poststarthook/<name>`. */
export interface PostStartHook {
  readonly name: string;
  /** Hooks of upstream's whose work is part of this one's: /readyz knows them too. */
  readonly covers?: readonly string[];
  /** The hook whose work this one builds on: it runs when that has succeeded. */
  readonly after?: string;
  run(loopback: Transport, options: { readonly signal: AbortSignal }): Promise<void>;
  /** What is done before the server stops, while it still answers itself; what goes wrong with it stops nothing. */
  stop?(): Promise<void>;
}

/**
 * Lets a user act as another (the Impersonate-* headers): runs between authentication and authorization. `attributes`
 * are the request's, with the user who asks. Undefined: no impersonation is asked for. Throws ApiError 400 or 403.
 */
export interface Impersonator {
  impersonate(
    attributes: AuthorizationAttributes,
    headers: Readonly<Record<string, string | undefined>>,
    /** Hears the verb that a constrained impersonation was allowed by ("impersonate:user-info"). */
    constrainedBy?: (verb: string) => void,
  ): Promise<UserInfo | undefined> | UserInfo | undefined;
}

/** A GET of a path that is no resource, answered with a JSON document; authorized like any other path. */
export interface DocumentHandler {
  readonly path: string;
  readonly contentType: string;
  /** The Cache-Control header; absent: none. */
  readonly cacheControl?: string;
  document(): unknown;
}

/** What authentication, authorization and admission hand to the server. */
export interface Stages {
  readonly authenticator: Authenticator;
  readonly impersonator?: Impersonator;
  readonly authorizer: Authorizer;
  /** In the order they run. */
  readonly admission: readonly AdmissionPlugin[];
  readonly createHandlers?: readonly CreateHandler[];
  readonly documents?: readonly DocumentHandler[];
  readonly postStartHooks?: readonly PostStartHook[];
  /** What they count of themselves. */
  readonly metrics?: MetricSource;
  /** What /readyz asks beside the hooks. */
  readonly readyChecks?: readonly { readonly name: string; check(): Promise<void> | void }[];
}

/**
 * Makes the stages for a server. `loopback` reaches that server as system:masters without authentication; it may
 * be kept, and used once the server is up: it is how authorizers and admission read roles, namespaces and the like.
 */
export type StagesFactory = (loopback: Transport) => Stages;
