import assert from "node:assert/strict";
import { test } from "node:test";
import { persistentVolumeClaims } from "../../api/resources.generated.ts";
import { ago, meta } from "../test-support/objects.ts";
import { type ProtectionSnapshot, reconcileProtection } from "./reconcile.ts";

const finalizer = "kubernetes.io/pvc-protection";

for (const { name, isProtected, deleted, isInUse, want } of [
  {
    name: "is protected from the start",
    isProtected: false,
    deleted: false,
    isInUse: false,
    want: [finalizer, "other"],
  },
  {
    name: "stays as it is while it lives",
    isProtected: true,
    deleted: false,
    isInUse: false,
    want: undefined,
  },
  { name: "stays while it is in use", isProtected: true, deleted: true, isInUse: true, want: undefined },
  {
    name: "goes when it is no longer used",
    isProtected: true,
    deleted: true,
    isInUse: false,
    want: ["other"],
  },
  {
    name: "is not protected again on its way out",
    isProtected: false,
    deleted: true,
    isInUse: true,
    want: undefined,
  },
]) {
  test(`A claim ${name}`, () => {
    const finalizers = isProtected ? ["other", finalizer] : ["other"];
    const object = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: meta("data", { finalizers, ...(deleted ? { deletionTimestamp: ago(1) } : {}) }),
      spec: {},
    };
    const type = persistentVolumeClaims as unknown as ProtectionSnapshot["type"];
    const [intent] = reconcileProtection({ type, object, finalizer, isInUse });
    const written = intent?.action === "update" ? intent.object.metadata.finalizers?.toSorted() : undefined;
    assert.deepEqual(written, want);
  });
}
