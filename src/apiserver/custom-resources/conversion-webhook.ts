import type { CustomResourceConversion } from "../../api/apiextensions/types.generated.ts";
import type { Service } from "../../api/core/types.generated.ts";
import { internalError } from "../../apimachinery/api-error.ts";
import type { AnyObject, ObjectMeta } from "../../apimachinery/meta.ts";
import { parseApiVersion } from "../../apimachinery/meta.ts";
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

/** Converts objects of one kind by its webhook, all in one call. Rejects with ApiError 500. */
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
        throw new Error(`returned ${converted.length} objects, expected ${objects.length}`);
      return objects.map((original, index) => restored(original, converted[index], desiredAPIVersion, index));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw internalError(why.startsWith("returned") ? `${what} ${why}` : `${what} failed: ${why}`);
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
  if (review?.kind !== "ConversionReview" || review.apiVersion !== sent.apiVersion)
    throw new Error(
      `expected webhook response of ${sent.apiVersion}, Kind=ConversionReview, got ${String(review?.apiVersion)}, Kind=${String(review?.kind)}`,
    );
  const response = record(review.response);
  if (response === undefined) throw new Error("no response provided");
  if (response.uid !== sent.uid)
    throw new Error(
      `expected response.uid=${JSON.stringify(sent.uid)}, got ${JSON.stringify(response.uid ?? "")}`,
    );
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
function restored(original: AnyObject, value: unknown, apiVersion: string, index: number): AnyObject {
  const converted = record(value);
  const invalid = (why: string) => new Error(`returned invalid converted object at index ${index}: ${why}`);
  if (converted === undefined) throw invalid("it is no object");
  if (converted.apiVersion !== apiVersion)
    throw invalid(`invalid groupVersion (expected ${apiVersion}, received ${String(converted.apiVersion)})`);
  if (converted.kind !== original.kind)
    throw invalid(`invalid kind (expected ${original.kind ?? ""}, received ${String(converted.kind)})`);
  const metadata = record(converted.metadata);
  if (metadata === undefined)
    throw new Error(
      `returned invalid metadata in object at index ${index}: missing metadata in converted object`,
    );
  for (const name of ["name", "namespace", "uid"] as const) {
    const was = original.metadata[name] ?? "";
    const is = metadata[name] ?? "";
    if (was !== is)
      throw invalid(`must have the same ${name === "uid" ? "UID" : name}: ${was} != ${String(is)}`);
  }
  const { labels: _labels, annotations: _annotations, ...kept } = original.metadata;
  const own = Object.fromEntries(
    (["labels", "annotations"] as const).flatMap((name) => {
      const values = record(metadata[name]);
      if (values === undefined) return [];
      const wrong = Object.entries(values).find(([, each]) => typeof each !== "string");
      if (wrong !== undefined) throw invalid(`metadata.${name}[${wrong[0]}] must be a string`);
      return [[name, values]];
    }),
  );
  const { kind } = original;
  return { ...converted, apiVersion, kind, metadata: { ...kept, ...own } as ObjectMeta };
}
