import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { type Intent, update } from "../framework/intent.ts";

export interface ProtectionSnapshot {
  readonly type: ResourceType<KubeObject>;
  readonly object: KubeObject;
  readonly finalizer: string;
  readonly isInUse: boolean;
}

/** What is in use outlives its deletion until it no longer is. */
export function reconcileProtection({ type, object, finalizer, isInUse }: ProtectionSnapshot): Intent[] {
  const finalizers = object.metadata.finalizers ?? [];
  const isProtected = finalizers.includes(finalizer);
  const isDeleted = object.metadata.deletionTimestamp !== undefined;
  if (isDeleted === !isProtected) return [];
  if (isDeleted && isInUse) return [];
  const wanted = isDeleted ? finalizers.filter((name) => name !== finalizer) : [...finalizers, finalizer];
  const metadata = { ...object.metadata, finalizers: wanted };
  return [update(type, object, { ...object, metadata }, { ignore: ["NotFound"] })];
}
