import type { Status } from "../../../apimachinery/api-error.ts";
import { ApiError } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { apiUserInfo } from "../../virtual/user-info.ts";

/** The AdmissionReview that goes out and what comes back: pure. */

/** The older one is asked for by webhooks that name it first, or alone. */
export type ReviewVersion = "v1" | "v1beta1";
export const isReviewVersion = (version: string): version is ReviewVersion =>
  version === "v1" || version === "v1beta1";

export interface ReviewInput {
  readonly uid: string;
  readonly reviewVersion: ReviewVersion;
  readonly attributes: AdmissionAttributes;
  /** The version the webhook is sent, and the objects in it. */
  readonly version: string;
  readonly object: AnyObject | undefined;
  readonly oldObject: AnyObject | undefined;
}

export function admissionReview({
  uid,
  reviewVersion,
  attributes,
  version,
  object,
  oldObject,
}: ReviewInput): object {
  const { kind, resource, subresource, namespace, name, operation, user, dryRun } = attributes;
  const isNamespace = resource.group === "" && resource.resource === "namespaces";
  const reviewedNamespace = isNamespace ? name : namespace;
  return {
    kind: "AdmissionReview",
    apiVersion: `admission.k8s.io/${reviewVersion}`,
    request: {
      uid,
      kind: { ...kind, version },
      resource: { ...resource, version },
      ...(subresource === "" ? {} : { subResource: subresource, requestSubResource: subresource }),
      requestKind: kind,
      requestResource: resource,
      ...(name === "" ? {} : { name }),
      ...(reviewedNamespace === "" ? {} : { namespace: reviewedNamespace }),
      operation,
      userInfo: apiUserInfo(user),
      object: object ?? null,
      oldObject: oldObject ?? null,
      dryRun,
      options: reviewOptions(attributes),
    },
  };
}

const optionsKinds: Readonly<Record<string, string>> = {
  CREATE: "CreateOptions",
  UPDATE: "UpdateOptions",
  DELETE: "DeleteOptions",
};
const optionFields = [
  "fieldManager",
  "fieldValidation",
  "gracePeriodSeconds",
  "preconditions",
  "propagationPolicy",
];

function reviewOptions({ operation, options }: AdmissionAttributes): object | null {
  const kind = optionsKinds[operation];
  if (kind === undefined) return null;
  const given = optionFields
    .filter((field) => options[field] !== undefined)
    .map((field) => [field, options[field]]);
  return { kind, apiVersion: "meta.k8s.io/v1", ...Object.fromEntries(given) };
}

export interface ReviewAnswer {
  readonly allowed: boolean;
  readonly status: Partial<Status> | undefined;
  readonly warnings: readonly string[];
  /** A JSON patch. */
  readonly patch?: unknown;
  /** For the audit log. */
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;
const record = (value: unknown): Json | undefined =>
  // A JSON object that is no array is a record.
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

/** Reads a webhook's answer. Throws an Error that says what is wrong with it. */
export function readAnswer(
  body: unknown,
  options: { readonly uid: string; readonly reviewVersion: ReviewVersion; readonly mutating: boolean },
): ReviewAnswer {
  const review = record(body);
  const response = record(review?.response);
  const invalid = (why: string) => new Error(`received invalid webhook response: ${why}`);
  if (response === undefined) throw invalid("webhook response was absent");
  if (options.reviewVersion === "v1beta1")
    return answerOf(response, options.mutating ? olderPatch(response) : undefined);
  if (response.uid !== options.uid)
    throw invalid(`expected response.uid="${options.uid}", got ${JSON.stringify(response.uid ?? "")}`);
  const got = `${String(review?.apiVersion ?? "")}, Kind=${String(review?.kind ?? "")}`;
  if (got !== "admission.k8s.io/v1, Kind=AdmissionReview")
    throw invalid(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${got}`);
  return answerOf(response, readPatch(response, options.mutating, invalid));
}

/** v1beta1 never asked for the patch's type. */
function olderPatch({ patch }: Json): unknown {
  return typeof patch === "string" && patch !== "" ? decodePatch(patch) : undefined;
}

function answerOf(response: Json, patch: unknown): ReviewAnswer {
  const warnings = Array.isArray(response.warnings)
    ? response.warnings.filter((text) => typeof text === "string")
    : [];
  return {
    allowed: response.allowed === true,
    status: record(response.status),
    warnings,
    ...(patch === undefined ? {} : { patch }),
    ...auditAnnotationsOf(response),
  };
}

function auditAnnotationsOf({ auditAnnotations }: Json): Pick<ReviewAnswer, "auditAnnotations"> {
  const given = Object.entries(record(auditAnnotations) ?? {});
  const texts = given.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return texts.length === 0 ? {} : { auditAnnotations: Object.fromEntries(texts) };
}

function readPatch(response: Json, mutating: boolean, invalid: (why: string) => Error): unknown {
  const { patch, patchType } = response;
  const hasPatch = typeof patch === "string" && patch !== "";
  const hasType = patchType !== undefined && patchType !== null;
  if (!mutating) {
    if (hasPatch) throw invalid("validating webhook may not return response.patch");
    if (hasType) throw invalid("validating webhook may not return response.patchType");
    return undefined;
  }
  if (hasPatch && !hasType) throw invalid("webhook returned response.patch but not response.patchType");
  if (!hasPatch && hasType) throw invalid("webhook returned response.patchType but not response.patch");
  if (!hasPatch) return undefined;
  if (patchType !== "JSONPatch") throw new Error(`unsupported patch type ${JSON.stringify(patchType)}`);
  return decodePatch(patch);
}

function decodePatch(patch: string): unknown {
  try {
    const bytes = Uint8Array.from(atob(patch), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Error(
      `received undecodable patch in webhook response: ${error instanceof Error ? error.message : ""}`,
    );
  }
}

/** The refusal of a webhook, in its own words. */
export function rejection(name: string, status: Partial<Status> | undefined): ApiError {
  const deniedBy = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = status?.message || status?.reason;
  const code = Math.max(400, status?.code ?? 400);
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: why ? `${deniedBy}: ${why}` : `${deniedBy} without explanation`,
    ...(status?.reason === undefined ? {} : { reason: status.reason }),
    ...(status?.details === undefined ? {} : { details: status.details }),
    code,
  });
}
