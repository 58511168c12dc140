import type { Deployment, ReplicaSet } from "../../api/apps/types.generated.ts";
import { canonicalJson, podTemplateHash } from "../../api/core/template-hash.ts";
import type { PodTemplateSpec } from "../../api/core/types.generated.ts";
import { controllerReference } from "../framework/ownership.ts";
import {
  byCreation,
  isRollingUpdate,
  maxSurgeOf,
  podTemplateHashLabel,
  replicasOf,
  revisionAnnotation,
  revisionHistoryAnnotation,
  totalReplicas,
  wantedReplicas,
} from "./limits.ts";
import { sizeAnnotations } from "./scale.ts";

/** Annotations that are a ReplicaSet's own business, never copied from its deployment. */
const notCopied = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  revisionHistoryAnnotation,
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  "deprecated.deployment.rollback.to",
]);

/** The most characters a list of past revisions may take. */
const maxHistoryLength = 2000;

/** The ReplicaSet that has the deployment's template; of several the oldest, so that the choice is stable. */
export function findNewReplicaSet(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const wanted = templateKey(deployment.spec.template);
  return replicaSets
    .toSorted(byCreation)
    .find(({ spec }) => spec.template !== undefined && templateKey(spec.template) === wanted);
}

/** A template as text, without the hash label that tells ReplicaSets apart. */
function templateKey(template: PodTemplateSpec): string {
  const { [podTemplateHashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  const { creationTimestamp: __, ...metadata } = template.metadata ?? {};
  const isLabelled = Object.keys(labels).length > 0;
  const { labels: ___, ...bare } = metadata;
  return canonicalJson({ ...template, metadata: isLabelled ? { ...bare, labels } : bare });
}

/** A revision as its annotation says it, 0 where it says none: a 64-bit number, of which a double would lose digits. */
export function revisionOf(object: { readonly metadata: ReplicaSet["metadata"] }): bigint {
  return parseRevision(object.metadata.annotations?.[revisionAnnotation]) ?? 0n;
}

function parseRevision(text = ""): bigint | undefined {
  if (!/^\d{1,19}$/.test(text)) return undefined;
  const revision = BigInt(text);
  return revision < 2n ** 63n ? revision : undefined;
}

/** The revision a rollout of the deployment's template gets: one more than any old one. */
function nextRevision(old: readonly ReplicaSet[]): bigint {
  return old.map(revisionOf).reduce((most, revision) => (revision > most ? revision : most), 0n) + 1n;
}

/** The ReplicaSet for a template that has none yet. */
export function buildReplicaSet(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet {
  const { name, namespace } = deployment.metadata;
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = podTemplateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [podTemplateHashLabel]: hash };
  const matchLabels = { ...selector.matchLabels, [podTemplateHashLabel]: hash };
  const blank: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  const replicas = newReplicaCount(deployment, [...old, blank], blank);
  const annotated = withRevision(deployment, blank, nextRevision(old));
  const annotations = { ...annotated.metadata.annotations, ...sizeAnnotations(deployment) };
  return {
    ...annotated,
    metadata: { ...annotated.metadata, annotations },
    spec: { ...annotated.spec, replicas },
  };
}

/** The size the new ReplicaSet may have now: as much as the surge leaves room for. */
export function newReplicaCount(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet,
): number {
  const wanted = wantedReplicas(deployment);
  if (!isRollingUpdate(deployment)) return wanted;
  const room = wanted + maxSurgeOf(deployment) - totalReplicas(all);
  if (room <= 0) return replicasOf(newest);
  return replicasOf(newest) + Math.min(room, wanted - replicasOf(newest));
}

/** The ReplicaSet with the deployment's annotations and its revision; a revision it had before goes to its history. */
function withRevision(deployment: Deployment, replicaSet: ReplicaSet, revision: bigint): ReplicaSet {
  const annotations: Record<string, string> = { ...replicaSet.metadata.annotations };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!notCopied.has(name)) annotations[name] = value;
  }
  const before = annotations[revisionAnnotation];
  if (before === undefined || (parseRevision(before) ?? revision) < revision) {
    annotations[revisionAnnotation] = String(revision);
    if (before !== undefined) {
      annotations[revisionHistoryAnnotation] = withHistory(annotations[revisionHistoryAnnotation], before);
    }
  }
  return { ...replicaSet, metadata: { ...replicaSet.metadata, annotations } };
}

function withHistory(history: string | undefined, revision: string): string {
  const revisions = history === undefined || history === "" ? [] : history.split(",");
  revisions.push(revision);
  while (revisions.length > 1 && revisions.join(",").length > maxHistoryLength) revisions.shift();
  return revisions.join(",");
}

/** The copy of a ReplicaSet that already has the deployment's template, brought up to date with it. */
export function refreshReplicaSet(
  deployment: Deployment,
  existing: ReplicaSet,
  old: readonly ReplicaSet[],
): ReplicaSet {
  const annotated = withRevision(deployment, existing, nextRevision(old));
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  if (minReadySeconds === (existing.spec.minReadySeconds ?? 0)) return annotated;
  return { ...annotated, spec: { ...annotated.spec, minReadySeconds } };
}
