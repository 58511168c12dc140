import type { Pod, PodSpec, PodStatus, PodTemplateSpec } from "../../api/core/types.generated.ts";
import type { KubeObject, ObjectMeta } from "../../apimachinery/meta.ts";
import { rfc3339 } from "../../base/clock.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";

/** The time tables run at: 2026-01-01T00:00:00Z. */
export const nowMs = Date.UTC(2026, 0, 1);
export const now = { nowMs };

export const ago = (seconds: number) => rfc3339(nowMs - seconds * 1000);

export const webLabels = { app: "web" };

export const webTemplate: PodTemplateSpec = {
  metadata: { labels: webLabels },
  spec: { containers: [{ name: "web", image: "web:1" }] },
};

export function meta(name: string, more: ObjectMeta = {}): ObjectMeta {
  return {
    name,
    namespace: "default",
    uid: `uid-${name}`,
    resourceVersion: "1",
    generation: 1,
    creationTimestamp: ago(3600),
    ...more,
  };
}

export interface PodTraits {
  readonly owner?: KubeObject | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly phase?: string;
  /** Ready since so many seconds; false: not ready. */
  readonly ready?: number | boolean;
  readonly deleted?: boolean;
  readonly node?: string;
  readonly meta?: ObjectMeta;
  readonly spec?: Partial<PodSpec>;
  readonly status?: PodStatus;
}

export function pod(name: string, traits: PodTraits = {}): Pod {
  const { owner, labels = webLabels, phase = "Running", ready = false, deleted, node } = traits;
  const readySeconds = ready === true ? 600 : ready;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: meta(name, {
      labels,
      ...(owner === undefined ? {} : { ownerReferences: [controllerReference(owner)] }),
      ...(deleted ? { deletionTimestamp: ago(1) } : {}),
      ...traits.meta,
    }),
    spec: {
      containers: [{ name: "web", image: "web:1" }],
      ...(node === undefined ? {} : { nodeName: node }),
      ...traits.spec,
    },
    status: {
      phase,
      conditions:
        readySeconds === false
          ? [{ type: "Ready", status: "False", lastTransitionTime: ago(60) }]
          : [{ type: "Ready", status: "True", lastTransitionTime: ago(readySeconds) }],
      ...traits.status,
    },
  };
}

/** The lines of all intents but the status writes. */
export function actions(intents: readonly Intent[]): string[] {
  return intents.filter(({ action }) => action !== "updateStatus").map(describeIntent);
}

/** The status the intents write last, or undefined. */
export function writtenStatus<S = Record<string, unknown>>(intents: readonly Intent[]): S | undefined {
  const last = intents.findLast((intent) => intent.action === "updateStatus");
  return last?.action === "updateStatus" ? (last.status as S) : undefined;
}
