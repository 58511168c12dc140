import type { KubeObject } from "../apimachinery/meta.ts";
import { ageColumn, integerColumn, nameColumn } from "./columns.ts";
import type { Column, ScaleDefinition } from "./definition.ts";

/** What ReplicaSet and ReplicationController have in common: so many pods like this one. */
interface Replicated extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status?: { readonly replicas: number; readonly readyReplicas?: number };
}

export function replicaColumns<T extends Replicated>(): Column<T>[] {
  return [
    nameColumn,
    integerColumn("Desired", "Pods wanted.", ({ spec }) => spec.replicas ?? 0),
    integerColumn("Current", "Pods that exist.", ({ status }) => status?.replicas ?? 0),
    integerColumn("Ready", "Pods that are ready.", ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
  ];
}

export const replicaFields = {
  "status.replicas": ({ status }: Replicated) => String(status?.replicas ?? 0),
};

/** `selector` gives the object's selector as text. */
export function replicaScale<T extends Replicated>(selector: (object: T) => string): ScaleDefinition<T> {
  return {
    replicas: ({ spec }) => spec.replicas ?? 0,
    withReplicas: (object, replicas) => ({ ...object, spec: { ...object.spec, replicas } }),
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    selector,
  };
}
