import type { Pod, PodTemplateSpec } from "../../api/core/types.generated.ts";
import { pods } from "../../api/resources.generated.ts";
import type { KubeObject, ObjectMeta } from "../../apimachinery/meta.ts";
import type { CreateIntent, DeleteIntent, Report } from "../framework/intent.ts";
import { create, remove } from "../framework/intent.ts";
import { isNamespaceTerminating } from "../framework/namespace-terminating.ts";
import { controllerReference } from "../framework/ownership.ts";

/** A pod as its owner's template says, owned by it; the API server completes the name. */
export function podFromTemplate(owner: KubeObject, template: PodTemplateSpec): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const metadata: ObjectMeta = {
    generateName: `${owner.metadata.name}-`,
    ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(finalizers === undefined ? {} : { finalizers }),
    ownerReferences: [controllerReference(owner)],
  };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: template.spec };
}

/** Creates the pod and says so in an event about its owner. */
export function createPod(owner: KubeObject, pod: Pod): CreateIntent<Pod> {
  return create(pods, pod, { report: podCreationReport(owner) });
}

function podCreationReport(regarding: KubeObject): Report {
  return {
    regarding,
    succeeded: (created) => ({
      type: "Normal",
      reason: "SuccessfulCreate",
      message: `Created pod: ${created?.metadata.name}`,
    }),
    // A namespace on its way out refuses every create: nothing an owner's reader could act on.
    failed: (error) =>
      isNamespaceTerminating(error)
        ? undefined
        : { type: "Warning", reason: "FailedCreate", message: `Error creating: ${error.message}` },
  };
}

/** Deletes the pod and says so in an event about its owner. */
export function deletePod(owner: KubeObject, pod: Pod): DeleteIntent<Pod> {
  const { name } = pod.metadata;
  return remove(pods, pod, {
    report: {
      regarding: owner,
      succeeded: () => ({ type: "Normal", reason: "SuccessfulDelete", message: `Deleted pod: ${name}` }),
      failed: (error) => ({
        type: "Warning",
        reason: "FailedDelete",
        message: `Error deleting: ${error.message}`,
      }),
    },
  });
}
