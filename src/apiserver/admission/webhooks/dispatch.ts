import { ApiError, badRequest, failure, internalError } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { Logger } from "../../../base/log.ts";
import type { WebhookCall } from "../../metrics/admission-hook-metrics.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { type AdmissionDependencies, findNamespace, refuse } from "../dependencies.ts";
import { type Definitions, formIn } from "../object-forms.ts";
import { versionedRequest } from "../policies/policy-dependencies.ts";
import { failedOpenKey } from "./annotations.ts";
import { hostPortOf, targetOf, urlOf, type WebhookCredentials, type WebhookTransport } from "./caller.ts";
import { matchedVersion, type Webhook } from "./match.ts";
import { admissionReview, isReviewVersion, type ReviewAnswer, readAnswer, rejection } from "./review.ts";

export interface WebhookDependencies
  extends Pick<AdmissionDependencies, "informers" | "client" | "random" | "authorizer">,
    Definitions {
  readonly logger: Logger;
  readonly transport: WebhookTransport;
  /** Absent: webhooks are asked as nobody in particular. */
  readonly credentials?: WebhookCredentials;
}

/** A webhook that wants a request, and the version it wants it in. */
export interface Invocation<W extends Webhook> {
  readonly webhook: W;
  readonly version: string;
}

/** The labels of the namespace that namespace selectors look at; undefined for what is in none. */
export async function namespaceLabelsFor(
  dependencies: WebhookDependencies,
  { resource, namespace, name, object, operation }: AdmissionAttributes,
): Promise<Readonly<Record<string, string>> | undefined> {
  const isNamespace = resource.group === "" && resource.resource === "namespaces";
  if (isNamespace && operation !== "DELETE") return object?.metadata.labels ?? {};
  const wanted = isNamespace ? name : namespace;
  if (wanted === "") return undefined;
  return (await findNamespace(dependencies, wanted))?.metadata.labels ?? {};
}

export function invocationOf<W extends Webhook>(
  webhook: W,
  attributes: AdmissionAttributes,
  namespaceLabels: Readonly<Record<string, string>> | undefined,
  { definitionOf }: WebhookDependencies,
): Invocation<W> | undefined {
  const equivalents = definitionOf(attributes.resource)?.versions ?? [];
  const version = matchedVersion(webhook, attributes, { namespaceLabels, equivalents });
  return version === undefined ? undefined : { webhook, version };
}

const defaultTimeoutSeconds = 10;

/** Where in the order of the calls a call stands, by which the audit log knows it. */
export interface CallOptions {
  readonly mutating: boolean;
  readonly round: number;
  readonly index: number;
}

/**
 * Calls one webhook. Undefined: it could not be called, and its failure policy lets the request go on. Throws the
 * webhook's refusal, or 500 where a call failed that must not.
 */
export async function callWebhook(
  dependencies: WebhookDependencies,
  { webhook, version }: Invocation<Webhook>,
  attributes: AdmissionAttributes,
  options: CallOptions,
): Promise<ReviewAnswer | undefined> {
  const { course } = attributes;
  const type = options.mutating ? "admit" : "validating";
  const call: WebhookCall = { name: webhook.name, type, operation: attributes.operation };
  if (!(await isCalledFor(dependencies, webhook, attributes, { version, call }))) return undefined;
  const startedMs = course?.now() ?? 0;
  const finished = (code: number, rejected: boolean) =>
    course?.metrics.called(call, Math.max(0, course.now() - startedMs) / 1000, code, rejected);
  if (attributes.dryRun && webhook.sideEffects !== "None" && webhook.sideEffects !== "NoneOnDryRun") {
    course?.metrics.rejected(call, "apiserver_internal_error", 0);
    finished(0, true);
    throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
  }
  let answer: ReviewAnswer;
  try {
    answer = await post(dependencies, { webhook, version }, attributes, options);
  } catch (error) {
    const isFatal = webhook.failurePolicy !== "Ignore";
    const code = codeOf(error);
    if (isFatal && !attributes.signal.aborted) course?.metrics.rejected(call, "calling_webhook_error", code);
    finished(code, isFatal);
    if (!isFatal && !attributes.signal.aborted) course?.metrics.failedOpen(call);
    failedCall(dependencies, webhook, attributes, error);
    attributes.annotate?.(failedOpenKey(options), webhook.name);
    return undefined;
  }
  for (const [key, value] of Object.entries(answer.auditAnnotations ?? {}))
    attributes.annotate?.(`${webhook.name}/${key}`, value);
  for (const text of answer.warnings) attributes.warn(text);
  if (!answer.allowed) {
    const refusal = rejection(webhook.name, answer.status);
    course?.metrics.rejected(call, "no_error", refusal.status.code ?? 0);
    finished(refusal.status.code ?? 0, true);
    throw refusal;
  }
  finished(200, false);
  return answer;
}

/** What a failed call counts as: the answer's code where there was one. */
function codeOf(error: unknown): number {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ("answerCode" in cause && typeof cause.answerCode === "number") return cause.answerCode;
  return 503;
}

/** Whether its match conditions hold. One that fails is as good as false where failures are ignored; else throws 403. */
async function isCalledFor(
  dependencies: WebhookDependencies,
  webhook: Webhook,
  attributes: AdmissionAttributes,
  { version, call }: { readonly version: string; readonly call: WebhookCall },
): Promise<boolean> {
  const metrics = attributes.course?.metrics;
  const { matchConditions = [] } = webhook;
  if (matchConditions.length === 0) return true;
  const { conditionsHold, webhookExpressions } = await import("../policies/conditions.ts");
  const { expressionInput } = await import("../policies/expressions.ts");
  const { authorizer } = dependencies;
  const request = versionedRequest(dependencies, attributes, version);
  const input = expressionInput({ request, authorizer, namespace: undefined });
  try {
    const holds = await conditionsHold(matchConditions, webhookExpressions(webhook), input);
    if (!holds) metrics?.excluded(call);
    return holds;
  } catch (error) {
    metrics?.conditionFailed(call);
    if (webhook.failurePolicy === "Ignore") return false;
    throw refuse(attributes, messageOf(error));
  }
}

async function post(
  dependencies: WebhookDependencies,
  { webhook, version }: Invocation<Webhook>,
  attributes: AdmissionAttributes,
  options: { readonly mutating: boolean },
): Promise<ReviewAnswer> {
  const reviewVersion = webhook.admissionReviewVersions.find(isReviewVersion);
  if (reviewVersion === undefined)
    throw new Error(
      "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
    );
  const uid = dependencies.random.uuid();
  const convert = (object: AnyObject | undefined) =>
    object === undefined ? undefined : formIn(dependencies, attributes, object, version);
  const review = admissionReview({
    uid,
    attributes,
    reviewVersion,
    version,
    object: convert(attributes.object),
    oldObject: convert(attributes.oldObject),
  });
  const seconds = webhook.timeoutSeconds ?? defaultTimeoutSeconds;
  const body = await send(dependencies, webhook, review, { seconds, signal: attributes.signal });
  return readAnswer(body, { uid, reviewVersion, ...options });
}

async function send(
  { transport, informers, credentials }: WebhookDependencies,
  { clientConfig }: Webhook,
  review: object,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal },
): Promise<unknown> {
  const url = urlOf(clientConfig);
  try {
    const target = targetOf(clientConfig, informers);
    const client = await credentials?.(hostPortOf(url));
    return await transport.post(client === undefined ? target : { ...target, client }, review, {
      timeoutMs: seconds * 1000,
      signal,
    });
  } catch (error) {
    // What was answered, if wrongly, is told without where it was asked.
    const where = isAnswer(error) ? "" : `Post "${url}?timeout=${seconds}s": `;
    throw new Error(`failed to call webhook: ${where}${messageOf(error)}`, { cause: error });
  }
}

const isAnswer = (error: unknown) => error instanceof Error && "answerCode" in error;
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function failedCall(
  { logger }: WebhookDependencies,
  webhook: Webhook,
  { signal }: AdmissionAttributes,
  error: unknown,
): void {
  if (error instanceof ApiError) throw error;
  const message = `failed calling webhook ${JSON.stringify(webhook.name)}: ${messageOf(error)}`;
  if (signal.aborted) throw failure(504, "Timeout", "request did not complete within requested timeout");
  if (webhook.failurePolicy !== "Ignore") throw internalError(message);
  logger.warn({ webhook: webhook.name }, `${message}; the request goes on`);
}
