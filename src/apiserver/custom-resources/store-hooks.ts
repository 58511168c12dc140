import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { withMetadata } from "../registry/metadata.ts";
import type { StoreHooks } from "../registry/store-calls.ts";
import { cleanupFinalizer, conditionOf } from "./crd.ts";

/** A deleted definition stays until its objects are gone: the first delete marks it, the finalizer holds it. */
export function definitionHooks(options: { readonly now: () => string }): StoreHooks {
  return {
    keepsAlive: (object) => object.metadata.deletionTimestamp === undefined,
    terminate(object): AnyObject {
      const finalizers = object.metadata.finalizers ?? [];
      const marked = withMetadata(object, {
        deletionGracePeriodSeconds: undefined,
        finalizers: finalizers.includes(cleanupFinalizer) ? finalizers : [...finalizers, cleanupFinalizer],
      });
      const crd = object as unknown as CustomResourceDefinition; // the store is theirs
      if (conditionOf(crd, "Terminating") !== undefined) return marked;
      const conditions = [
        ...(crd.status?.conditions ?? []),
        {
          type: "Terminating",
          status: "True",
          reason: "InstanceDeletionPending",
          message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
          lastTransitionTime: options.now(),
        },
      ];
      return { ...marked, status: { ...crd.status, conditions } };
    },
  };
}
