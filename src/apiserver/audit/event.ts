import type { Status } from "../../apimachinery/api-error.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { AuditLevel, AuditStage } from "./policy.ts";

/** `audit.k8s.io/v1` Event, its fields in upstream's order. */
export interface AuditEvent {
  readonly kind: "Event";
  readonly apiVersion: "audit.k8s.io/v1";
  readonly level: AuditLevel;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditUser;
  readonly impersonatedUser?: AuditUser;
  readonly authenticationMetadata?: { readonly impersonationConstraint: string };
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: AuditObjectReference;
  readonly responseStatus?: Partial<Status>;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AuditUser {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface AuditObjectReference {
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly apiGroup?: string;
  readonly apiVersion?: string;
  readonly resourceVersion?: string;
  readonly subresource?: string;
}

/** Where events go, and who waits for it. */
export interface AuditBackend {
  /** Never throws. A promise: whoever caused the event waits for it; false: it is lost, and that is not to be. */
  process(event: AuditEvent): Promise<boolean> | undefined;
  /** Resolves when all that was taken is written, or cannot be. */
  close(): Promise<void>;
}

/** What writes events; rejects where it cannot. */
export interface AuditSink {
  write(events: readonly AuditEvent[], options: { readonly signal: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

/** What is left when the server stops gets this long. */
export const closingMs = 5_000;

export function auditUser({ name, uid, groups, extra = {} }: UserInfo): AuditUser {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length === 0 ? {} : { groups }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** One line of a log, as `--audit-log-format` asks. */
export function formatEvent(event: AuditEvent, format: "json" | "legacy"): string {
  return format === "json" ? `${JSON.stringify(event)}\n` : `${legacyLine(event)}\n`;
}

function legacyLine(event: AuditEvent): string {
  const { user, impersonatedUser, objectRef, responseStatus, sourceIPs = [] } = event;
  const quoted = (names: readonly string[]) => names.map((name) => JSON.stringify(name)).join(",");
  const hasGroups = user.username !== undefined && (user.groups ?? []).length > 0;
  const fields = {
    id: event.auditID,
    stage: event.stage,
    ip: sourceIPs[0] ?? "<unknown>",
    method: event.verb,
    user: user.username || "<none>",
    groups: hasGroups ? quoted(user.groups ?? []) : "<none>",
    as: impersonatedUser?.username ?? "<self>",
    asgroups: impersonatedUser?.groups === undefined ? "<lookup>" : quoted(impersonatedUser.groups),
    "user-agent": event.userAgent ?? "",
    namespace: objectRef?.namespace || "<none>",
    uri: event.requestURI,
  };
  const text = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const code = responseStatus === undefined ? "<deferred>" : String(responseStatus.code ?? 0);
  return `${event.requestReceivedTimestamp} AUDIT: ${text.join(" ")} response="${code}"`;
}
