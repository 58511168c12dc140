import type { Pod } from "../../../api/core/types.generated.ts";
import { formatDuration } from "../../../apimachinery/protobuf/duration.ts";
import type { Clock } from "../../../base/clock.ts";
import { LruCache } from "../../../base/lru-cache.ts";
import { ConfigurationError } from "../../configuration/strict-decode.ts";
import type { ReviewCaller } from "../../review-webhook/review-caller.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { refuse } from "../dependencies.ts";

/** The plugin's configuration, its numbers normalized: 0 is not kept. */
export interface ImagePolicy {
  readonly kubeConfigFile: string;
  readonly allowTtlMs: number;
  readonly denyTtlMs: number;
  readonly retryBackoffMs: number;
  /** Whether pods are let in when the webhook cannot be asked. */
  readonly defaultAllow: boolean;
}

const minutes = 60_000;
const numbers = {
  retryBackoff: { scaleMs: 1, unless: 500, least: 1e-6, most: 5 * minutes },
  allowTTL: { scaleMs: 1000, unless: 5 * minutes, least: 1000, most: 30 * minutes },
  denyTTL: { scaleMs: 1000, unless: 30_000, least: 1000, most: 30 * minutes },
} as const;

/** Reads `{ imagePolicy: { … } }`; what it does not know is left aside, as upstream. Throws ConfigurationError. */
export function readImagePolicy(document: unknown): ImagePolicy {
  if (document === undefined) throw new ConfigurationError("no config specified");
  const { imagePolicy } = (document ?? {}) as { imagePolicy?: Readonly<Record<string, unknown>> | null };
  const { kubeConfigFile = "", defaultAllow = false } = imagePolicy ?? {};
  if (typeof kubeConfigFile !== "string" || typeof defaultAllow !== "boolean")
    throw new ConfigurationError("imagePolicy: kubeConfigFile is a string, defaultAllow a bool");
  return {
    kubeConfigFile,
    retryBackoffMs: normalized("retryBackoff", imagePolicy?.retryBackoff),
    allowTtlMs: normalized("allowTTL", imagePolicy?.allowTTL),
    denyTtlMs: normalized("denyTTL", imagePolicy?.denyTTL),
    defaultAllow,
  };
}

/** Milliseconds; -1 says none, 0 the default. */
function normalized(name: keyof typeof numbers, given: unknown = 0): number {
  const { scaleMs, unless, least, most } = numbers[name];
  if (typeof given !== "number" || !Number.isInteger(given))
    throw new ConfigurationError(`imagePolicy.${name}: a whole number is expected`);
  if (given === -1) return 0;
  if (given === 0) return unless;
  const value = given * scaleMs;
  const shown = (milliseconds: number) => formatDuration(milliseconds * 1_000_000);
  if (value < least || value > most)
    throw new ConfigurationError(
      `valid value is between ${shown(least)} and ${shown(most)}, got ${shown(value)}`,
    );
  return value;
}

const auditPrefix = "imagepolicywebhook.image-policy.k8s.io/";
const maxEntries = 1024;
const timeoutMs = 30_000;

interface ReviewStatus {
  readonly allowed: boolean;
  readonly reason: string;
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** ImagePolicyWebhook: somebody else's server judges the images of pods (`imagepolicy.k8s.io/v1alpha1` ImageReview). */
export function imagePolicyWebhook(
  { clock }: { readonly clock: Clock },
  policy: ImagePolicy,
  caller: ReviewCaller,
): AdmissionPlugin {
  const kept = new LruCache<string, { readonly status: ReviewStatus; readonly expiresAtMs: number }>(
    maxEntries,
  );

  const statusOf = async (spec: object): Promise<ReviewStatus> => {
    const key = JSON.stringify(spec);
    const known = kept.get(key);
    if (known !== undefined && clock.now() < known.expiresAtMs) return known.status;
    const review = {
      apiVersion: "imagepolicy.k8s.io/v1alpha1",
      kind: "ImageReview",
      metadata: { creationTimestamp: null },
      spec,
      status: { allowed: false },
    };
    const status = readStatus(await caller.call(review, { timeoutMs }));
    const ttlMs = status.allowed ? policy.allowTtlMs : policy.denyTtlMs;
    if (ttlMs > 0) kept.set(key, { status, expiresAtMs: clock.now() + ttlMs });
    return status;
  };

  return {
    name: "ImagePolicyWebhook",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    async validate(attributes) {
      const spec = specOf(attributes);
      if (spec === undefined) return;
      let status: ReviewStatus;
      try {
        status = await statusOf(spec);
      } catch (error) {
        if (!policy.defaultAllow)
          throw refuse(attributes, error instanceof Error ? error.message : String(error));
        attributes.annotate?.(`${auditPrefix}failed-open`, "true");
        return;
      }
      for (const [key, value] of Object.entries(status.auditAnnotations))
        attributes.annotate?.(auditPrefix + key, value);
      if (!status.allowed) throw refuse(attributes, denial(status));
    },
  };
}

function denial({ reason }: ReviewStatus): string {
  return reason === ""
    ? "one or more images rejected by webhook backend"
    : `image policy webhook backend denied one or more images: ${reason}`;
}

/** What is asked of a pod; undefined: the request brings no images. */
function specOf({ resource, subresource, object, namespace }: AdmissionAttributes): object | undefined {
  if (resource.group !== "" || resource.resource !== "pods" || object === undefined) return undefined;
  if (subresource !== "" && subresource !== "ephemeralcontainers") return undefined;
  const { metadata, spec } = object as unknown as Pod; // the resource says that it is a pod
  const listed =
    subresource === ""
      ? [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
      : (spec.ephemeralContainers ?? []);
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(([key]) =>
    key.includes(".image-policy.k8s.io/"),
  );
  return {
    ...(listed.length === 0 ? {} : { containers: listed.map(({ image }) => (image ? { image } : {})) }),
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    ...(namespace === "" ? {} : { namespace }),
  };
}

function readStatus(answer: Readonly<Record<string, unknown>>): ReviewStatus {
  const status = (typeof answer.status === "object" ? (answer.status ?? {}) : {}) as Readonly<
    Record<string, unknown>
  >; // a JSON object is a record
  const { allowed, reason, auditAnnotations } = status;
  const annotations = typeof auditAnnotations === "object" ? (auditAnnotations ?? {}) : {};
  return {
    allowed: allowed === true,
    reason: typeof reason === "string" ? reason : "",
    auditAnnotations: Object.fromEntries(
      Object.entries(annotations).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    ),
  };
}
