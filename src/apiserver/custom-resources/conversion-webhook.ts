import type { CustomResourceConversion } from "../../api/apiextensions/types.generated.ts";
import type { Service } from "../../api/core/types.generated.ts";
import { failure } from "../../apimachinery/api-error.ts";
import { validateAnnotations, validateLabels } from "../../apimachinery/labels.ts";
import { goType } from "../../apimachinery/managed-fields/type-check.ts";
import type { AnyObject, ObjectMeta } from "../../apimachinery/meta.ts";
import { parseApiVersion } from "../../apimachinery/meta.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import { quote } from "../../apimachinery/validation.ts";
import type { Random } from "../../base/random.ts";
import { targetAmong, type WebhookTransport } from "../admission/webhooks/caller.ts";

export interface ConversionDependencies {
  readonly transport: WebhookTransport | undefined;
  /** The cluster IPs of services. */
  readonly findService: (namespace: string, name: string) => Promise<Service | undefined>;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Upstream waits no longer for a conversion. */
const timeoutMs = 30_000;

/** What is wrong with an answer, where upstream does not say that the webhook failed. */
class ReturnFault extends Error {}

/**
 * Converts objects of one kind by its webhook, all in one call. Rejects with ApiError 500, that gives no reason: upstream's storage
 * meets the fault, which nothing there tells from its own.
 */
export function webhookConverter(
  conversion: CustomResourceConversion,
  dependencies: ConversionDependencies,
): (objects: readonly AnyObject[], apiVersion: string) => Promise<readonly AnyObject[]> {
  return async (objects, desiredAPIVersion) => {
    const [first] = objects;
    if (first === undefined) return [];
    const { group, version } = parseApiVersion(first.apiVersion ?? "");
    const what = `conversion webhook for ${group}/${version}, Kind=${first.kind ?? ""}`;
    try {
      const converted = await call(conversion, dependencies, objects, desiredAPIVersion);
      if (converted.length !== objects.length)
        throw new ReturnFault(`${converted.length} objects, expected ${objects.length}`);
      return objects.map((original, index) => restored(original, converted[index], desiredAPIVersion));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const verb = error instanceof ReturnFault ? "returned" : "failed:";
      throw failure(500, "", `${what} ${verb} ${why}`);
    }
  };
}

async function call(
  { webhook }: CustomResourceConversion,
  { transport, findService, random, signal }: ConversionDependencies,
  objects: readonly AnyObject[],
  desiredAPIVersion: string,
): Promise<readonly unknown[]> {
  const { clientConfig, conversionReviewVersions = [] } = webhook ?? {};
  if (clientConfig === undefined) throw new Error("no webhook is configured");
  if (transport === undefined) throw new Error("this server calls no webhooks");
  const reviewVersion = conversionReviewVersions.find((version) => version === "v1" || version === "v1beta1");
  if (reviewVersion === undefined) throw new Error("no supported conversion review versions");
  const uid = random.uuid();
  const review = {
    kind: "ConversionReview",
    apiVersion: `apiextensions.k8s.io/${reviewVersion}`,
    request: { uid, desiredAPIVersion, objects },
  };
  const { service } = clientConfig;
  const found = service === undefined ? undefined : await findService(service.namespace, service.name);
  const target = targetAmong(clientConfig, () => found);
  const answer = await transport.post(target, review, { timeoutMs, signal });
  return readAnswer(answer, { uid, apiVersion: review.apiVersion });
}

type Json = Readonly<Record<string, unknown>>;
const record = (value: unknown): Json | undefined =>
  // A JSON object that is no array is a record.
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

function readAnswer(
  body: unknown,
  sent: { readonly uid: string; readonly apiVersion: string },
): readonly unknown[] {
  const review = record(body);
  // Version v1beta1 never asked for more than an answer, and some of its webhooks give no more.
  const isStrict = sent.apiVersion.endsWith("/v1");
  if (isStrict && (review?.kind !== "ConversionReview" || review.apiVersion !== sent.apiVersion))
    throw new Error(
      `expected webhook response of ${sent.apiVersion}, Kind=ConversionReview, got ${String(review?.apiVersion ?? "")}, Kind=${String(review?.kind ?? "")}`,
    );
  const response = record(review?.response);
  if (response === undefined) throw new Error("no response provided");
  if (isStrict && response.uid !== sent.uid)
    throw new Error(`expected response.uid=${quote(sent.uid)}, got ${quote(String(response.uid ?? ""))}`);
  const result = record(response.result) ?? {};
  if (result.status !== "Success")
    throw new Error(
      typeof result.message === "string" && result.message !== ""
        ? result.message
        : `response.result.status was '${String(result.status ?? "")}', not 'Success'`,
    );
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : [];
}

/** The converted object with the original's metadata: of that, a webhook may change labels and annotations only. */
function restored(original: AnyObject, value: unknown, apiVersion: string): AnyObject {
  const converted = record(value) ?? {};
  checkKind(original, converted, apiVersion);
  checkIdentity(original, record(converted.metadata) ?? {});
  const { kind } = original;
  return { ...converted, apiVersion, kind, metadata: restoredMetadata(original, converted) };
}

function checkKind(original: AnyObject, converted: Json, expected: string): void {
  const { apiVersion = "", kind = "" } = converted;
  const at = "invalid object at index 0: invalid";
  if (apiVersion !== expected)
    throw new ReturnFault(`${at} groupVersion (expected ${expected}, received ${String(apiVersion)})`);
  if (kind !== original.kind)
    throw new ReturnFault(`${at} kind (expected ${original.kind ?? ""}, received ${String(kind)})`);
}

function checkIdentity({ metadata }: AnyObject, converted: Json): void {
  for (const name of ["name", "namespace", "uid"] as const) {
    const was = metadata[name] ?? "";
    const is = converted[name] ?? "";
    const shown = name === "uid" ? "UID" : name;
    if (was !== is)
      throw new ReturnFault(`invalid object: must have the same ${shown}: ${was} != ${String(is)}`);
  }
}

const clientsOwn = ["labels", "annotations"] as const;

function restoredMetadata({ metadata: original }: AnyObject, converted: Json): ObjectMeta {
  const invalid = (why: string) => new ReturnFault(`invalid metadata: ${why}`);
  const metadata = record(converted.metadata);
  if (metadata === undefined)
    throw invalid(
      Object.hasOwn(converted, "metadata")
        ? `invalid metadata of type ${goType(converted.metadata)} in converted object`
        : "missing metadata in converted object",
    );
  const { labels: _labels, annotations: _annotations, ...kept } = original;
  const restored: Record<string, unknown> = { ...kept };
  for (const name of clientsOwn) {
    if ((metadata[name] ?? undefined) === undefined) continue;
    const values = record(metadata[name]);
    if (values === undefined)
      throw invalid(`invalid metadata.${name} of type ${goType(metadata[name])} in converted object`);
    const wrong = Object.entries(values).find(([, each]) => typeof each !== "string");
    if (wrong !== undefined)
      throw invalid(
        `metadata.${name}[${wrong[0]}] must be a string, but is ${goType(wrong[1])} in converted object`,
      );
    if (!jsonEqual(values, original[name] ?? {}))
      checkTexts(name, values as Readonly<Record<string, string>>);
    restored[name] = values;
  }
  return restored as ObjectMeta;

  function checkTexts(name: (typeof clientsOwn)[number], values: Readonly<Record<string, string>>): void {
    const errors =
      name === "labels"
        ? validateLabels("metadata.labels", values)
        : validateAnnotations("metadata.annotation", values);
    const texts = errors.map(({ field, message }) => `${field}: ${message}`);
    if (texts.length > 0) throw invalid(texts.length === 1 ? String(texts[0]) : `[${texts.join(", ")}]`);
  }
}
