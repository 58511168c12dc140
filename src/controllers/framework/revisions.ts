import type { ControllerRevision } from "../../api/apps/types.generated.ts";
import { canonicalJson, hashOf } from "../../api/core/template-hash.ts";
import type { PodTemplateSpec } from "../../api/core/types.generated.ts";
import { controllerRevisions } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { create, type Intent, remove, update } from "./intent.ts";
import { controllerReference } from "./ownership.ts";

export const revisionHashLabel = "controller-revision-hash";

/**
 * What a revision keeps of a DaemonSet or StatefulSet: a strategic patch that brings its template back (rollout undo). Its
 * keys are in order, as upstream writes them: clients compare the bytes.
 */
export function revisionData(template: PodTemplateSpec): object {
  return JSON.parse(revisionJson(template));
}

function revisionJson(template: PodTemplateSpec): string {
  return canonicalJson({ spec: { template: { ...template, $patch: "replace" } } });
}

/** The current revision of a workload among its history, and what it takes to have it there. */
export interface History {
  readonly current: ControllerRevision;
  /** All others, oldest first. */
  readonly old: readonly ControllerRevision[];
  readonly intents: readonly Intent[];
}

export interface HistoryOptions {
  readonly owner: KubeObject;
  readonly template: PodTemplateSpec;
  /** Those the owner controls. */
  readonly revisions: readonly ControllerRevision[];
  readonly collisionCount: number | undefined;
  /** The label of a revision that holds its hash. */
  readonly hashLabel: string;
}

/**
 * Finds the revision that holds the template as it is, or makes one; a revision that is used again after others
 * becomes the newest, so that revision numbers tell the order of rollouts.
 */
export function currentRevision(options: HistoryOptions): History {
  const { template, revisions } = options;
  const sorted = revisions.toSorted(byRevision);
  const newest = sorted.at(-1)?.revision ?? 0;
  const wanted = revisionJson(template);
  const matching = sorted.filter(({ data }) => canonicalJson(data) === wanted);
  const found = matching.at(-1);
  if (found === undefined) {
    const current = newRevision(options, newest + 1);
    return { current, old: sorted, intents: [create(controllerRevisions, current)] };
  }
  const old = sorted.filter((revision) => revision !== found);
  if (found.revision === newest && matching.length >= 1 && sorted.at(-1) === found) {
    return { current: found, old, intents: [] };
  }
  const current = { ...found, revision: newest + 1 };
  return { current, old, intents: [update(controllerRevisions, found, current)] };
}

function newRevision(options: HistoryOptions, revision: number): ControllerRevision {
  const { owner, template, collisionCount, hashLabel } = options;
  const hash = hashOf(template, collisionCount);
  const { name = "", namespace, annotations } = owner.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name.slice(0, 223)}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(owner)],
    },
    data: revisionData(template),
    revision,
  };
}

/** A revision of another template has the name: the next hash is made from one more collision. */
export function isRevisionCollision(error: unknown): boolean {
  return isApiError(error, "AlreadyExists") && error.status.details?.kind === controllerRevisions.resource;
}

/** Deletes the oldest revisions past the limit that no pod is of. */
export function trimHistory(
  old: readonly ControllerRevision[],
  limit: number,
  isLive: (revision: ControllerRevision) => boolean,
): Intent[] {
  const dead = old.filter((revision) => !isLive(revision));
  return dead
    .slice(0, Math.max(0, dead.length - limit))
    .map((revision) => remove(controllerRevisions, revision));
}

function byRevision(left: ControllerRevision, right: ControllerRevision): number {
  if (left.revision !== right.revision) return left.revision - right.revision;
  const { name: leftName = "", creationTimestamp: leftAt } = left.metadata;
  const { name: rightName = "", creationTimestamp: rightAt } = right.metadata;
  const order = [leftAt ?? "", leftName].join() < [rightAt ?? "", rightName].join();
  return order ? -1 : 1;
}
