import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  ResourceAttributes,
  SubjectAccessReviewSpec,
} from "../../api/authorization/types.generated.ts";
import type { Program } from "../../apimachinery/cel/environment.ts";
import { parseFieldSelector } from "../../apimachinery/field-selector.ts";
import { parseLabelSelector, SelectorSyntaxError } from "../../apimachinery/label-selector.ts";
import type { Clock } from "../../base/clock.ts";
import { LruCache } from "../../base/lru-cache.ts";
import type { ExternalAuthMetrics, WebhookResult } from "../metrics/external-auth-metrics.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from "../stages.ts";
import { conditionsHold } from "./match-conditions.ts";
import { type ReviewCaller, resultOfFailure } from "./review-caller.ts";

export interface AccessReviewWebhookOptions {
  readonly caller: ReviewCaller;
  readonly clock: Clock;
  readonly version: "v1" | "v1beta1";
  /** How long a yes, and how long anything else, is believed; 0: not at all. */
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly timeoutMs: number;
  /** What becomes of a request that the webhook could not be asked about. */
  readonly failurePolicy: "NoOpinion" | "Deny";
  readonly conditions: readonly Program[];
  /** For its metrics. */
  readonly name: string;
  readonly metrics?: AuthorizationWebhookMetrics;
}

export type AuthorizationWebhookMetrics = Pick<
  ExternalAuthMetrics,
  "webhookAsked" | "webhookPassedOver" | "conditionsEvaluated"
>;

const maxEntries = 8192;
/** What the asker can make long is not kept when it is. */
const maxControlledChars = 10_000;

interface Entry {
  readonly decision: AuthorizationDecision;
  readonly expiresAtMs: number;
}

/** Asks a webhook whether a request is allowed, by SubjectAccessReview. It may allow, deny, or have no opinion. */
export function accessReviewWebhook(options: AccessReviewWebhookOptions): Authorizer {
  const { caller, clock, conditions, failurePolicy, metrics, name, timeoutMs } = options;
  const entries = new LruCache<string, Entry>(maxEntries);

  const failed = (error: unknown): AuthorizationDecision => ({
    allowed: false,
    ...(failurePolicy === "Deny" ? { denied: true } : {}),
    reason: "",
    error: error instanceof Error ? error.message : String(error),
  });

  const ask = async (key: string, spec: SubjectAccessReviewSpec, attributes: AuthorizationAttributes) => {
    const asked = (result: WebhookResult, durationMs: number) =>
      metrics?.webhookAsked(name, result, durationMs);
    const answer = await caller
      .call(reviewOf(spec, options.version), { timeoutMs, asked })
      .catch((error: unknown) => {
        if (failurePolicy === "NoOpinion") metrics?.webhookPassedOver(name, resultOfFailure(error));
        throw error;
      });
    const decision = readDecision(answer);
    const ttlMs = decision.allowed ? options.authorizedTtlMs : options.unauthorizedTtlMs;
    if (ttlMs > 0 && controlledChars(attributes) < maxControlledChars)
      entries.set(key, { decision, expiresAtMs: clock.now() + ttlMs });
    return decision;
  };

  const applies = (spec: SubjectAccessReviewSpec): boolean => {
    if (conditions.length === 0) return true;
    const startMs = clock.now();
    let outcome: "matched" | "excluded" | "failed" = "failed";
    try {
      const holds = conditionsHold(conditions, spec);
      outcome = holds ? "matched" : "excluded";
      return holds;
    } finally {
      metrics?.conditionsEvaluated(name, outcome, clock.now() - startMs);
    }
  };

  return {
    authorize(attributes) {
      const spec = reviewSpec(attributes);
      try {
        if (!applies(spec)) return { allowed: false, reason: "" };
      } catch (error) {
        return failed(error);
      }
      const key = JSON.stringify(spec);
      const known = entries.get(key);
      if (known !== undefined && clock.now() < known.expiresAtMs) return known.decision;
      return ask(key, spec, attributes).catch(failed);
    },
  };
}

function controlledChars(attributes: AuthorizationAttributes): number {
  const { namespace, verb, apiGroup, apiVersion, resource, subresource, name, path } = attributes;
  return [namespace, verb, apiGroup, apiVersion, resource, subresource, name, path].join("").length;
}

function reviewOf(spec: SubjectAccessReviewSpec, version: "v1" | "v1beta1"): object {
  const { groups, ...rest } = spec;
  return {
    apiVersion: `authorization.k8s.io/${version}`,
    kind: "SubjectAccessReview",
    metadata: { creationTimestamp: null },
    // The old version has the groups in the singular.
    spec: version === "v1" || groups === undefined ? spec : { ...rest, group: groups },
    status: { allowed: false },
  };
}

/** The question as webhooks and match conditions see it. Pure. */
function reviewSpec(attributes: AuthorizationAttributes): SubjectAccessReviewSpec {
  const { user, isResourceRequest, path, verb } = attributes;
  return {
    ...(isResourceRequest
      ? { resourceAttributes: resourceAttributes(attributes) }
      : { nonResourceAttributes: present({ path, verb }) }),
    ...present({ user: user.name }),
    ...(user.groups.length === 0 ? {} : { groups: user.groups }),
    ...(user.extra === undefined ? {} : { extra: user.extra }),
    ...(user.uid === undefined || user.uid === "" ? {} : { uid: user.uid }),
  };
}

function resourceAttributes(attributes: AuthorizationAttributes): ResourceAttributes {
  const { namespace, verb, apiGroup, apiVersion, resource, subresource, name } = attributes;
  const fieldSelector = fieldRequirements(attributes.fieldSelector);
  const labelSelector = labelRequirements(attributes.labelSelector);
  return {
    ...present({ namespace, verb, group: apiGroup, version: apiVersion, resource, subresource, name }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

function present(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
}

/** Selectors only narrow: one that cannot be read is left out, so that the webhook is asked for more. */
function fieldRequirements(text: string | undefined): FieldSelectorAttributes | undefined {
  const parsed = attempt(() => parseFieldSelector(text ?? "")) ?? [];
  const requirements = parsed.map(({ field, operator, value }) => ({
    key: field,
    operator: operator === "!=" ? "NotIn" : "In",
    values: [value],
  }));
  return requirements.length === 0 ? undefined : { requirements };
}

const labelOperators: Readonly<Record<string, string>> = {
  "=": "In",
  "==": "In",
  in: "In",
  "!=": "NotIn",
  notin: "NotIn",
  exists: "Exists",
  "!": "DoesNotExist",
};

function labelRequirements(text: string | undefined): LabelSelectorAttributes | undefined {
  const parsed = attempt(() => parseLabelSelector(text ?? "")) ?? [];
  const requirements = parsed.flatMap(({ key, operator, values }) => {
    const known = labelOperators[operator];
    if (known === undefined) return [];
    return [{ key, operator: known, ...(values.length === 0 ? {} : { values }) }];
  });
  return requirements.length === 0 ? undefined : { requirements };
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SelectorSyntaxError)) throw error;
    return undefined;
  }
}

/** What the webhook's answer says. Pure. */
function readDecision({ status }: Readonly<Record<string, unknown>>): AuthorizationDecision {
  const { allowed, denied, reason } = (typeof status === "object" ? (status ?? {}) : {}) as {
    readonly allowed?: unknown;
    readonly denied?: unknown;
    readonly reason?: unknown;
  };
  const why = typeof reason === "string" ? reason : "";
  if (denied === true && allowed === true)
    return {
      allowed: false,
      denied: true,
      reason: why,
      error: "webhook subject access review returned both allow and deny response",
    };
  if (denied === true) return { allowed: false, denied: true, reason: why };
  return { allowed: allowed === true, reason: why };
}
