import { hoisted } from "../../api/apiextensions/hoisted-fields.ts";
import type { CustomResourceDefinition } from "../../api/apiextensions/types.generated.ts";
import { type FieldError, invalid } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import { hasDefaults, hasRules } from "../../apimachinery/structural-schema/json-schema.ts";
import { withMetadata } from "../registry/metadata.ts";
import type { StoreHooks } from "../registry/store-calls.ts";
import { cleanupFinalizer, conditionOf } from "./crd.ts";

/** Throws 422 for rules and defaults that do not fit; what is wrong in form is found by the kind's own validation. */
async function checkDefinition(object: AnyObject, before?: AnyObject): Promise<void> {
  const crd = object as unknown as CustomResourceDefinition; // the store is theirs
  const old = before as unknown as CustomResourceDefinition | undefined; // the same
  const schemas = (crd.spec.versions ?? []).flatMap(({ schema }) => schema?.openAPIV3Schema ?? []);
  const errors: FieldError[] = [];
  if (schemas.some(hasDefaults)) {
    const { validateDefaults } = await import("./default-validation.ts");
    errors.push(...validateDefaults(crd, old));
  }
  if (schemas.some(hasRules)) {
    const { validateRules } = await import("./rule-validation.ts");
    errors.push(...validateRules(crd, old));
  }
  if (errors.length > 0)
    throw invalid(
      { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition" },
      crd.metadata.name ?? "",
      hoisted(errors, crd.spec),
    );
}

/** A deleted definition stays until its objects are gone: the first delete marks it, the finalizer holds it. */
export function definitionHooks(options: { readonly now: () => string }): StoreHooks {
  return {
    async beginCreate(object) {
      await checkDefinition(object);
      return { object, finish() {} };
    },
    async beginUpdate(object, old) {
      if (object.spec !== old.spec && !jsonEqual(object.spec, old.spec)) await checkDefinition(object, old);
      return { object, finish() {} };
    },
    keepsAlive: (object) => object.metadata.deletionTimestamp === undefined,
    terminate(object, before): AnyObject {
      // Whatever policy is asked for: the objects go first, and nothing else waits.
      const { finalizers = [], generation } = before.metadata;
      const marked = withMetadata(object, {
        deletionGracePeriodSeconds: undefined,
        generation,
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
