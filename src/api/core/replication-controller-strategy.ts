import type { Strategy } from "../definition.ts";
import { fillAbsent } from "../fill.ts";
import { defaultPodTemplate } from "./pod-defaults.ts";
import { workloadWarnings } from "./pod-warnings.ts";
import {
  validateReplicationController,
  validateReplicationControllerStatus,
} from "./replication-controller-validation.ts";
import type { ReplicationController } from "./types.generated.ts";

export const replicationControllerStrategy: Strategy<ReplicationController> = {
  // What deletes without a word leaves the pods, as in the first versions.
  defaultPropagation: "Orphan",
  defaults: defaultReplicationController,
  warnings: (object, old) => workloadWarnings("spec.template", object.spec.template, object, old),
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0 } }),
  validate: validateReplicationController,
  validateUpdate: validateReplicationController,
  validateStatusUpdate: validateReplicationControllerStatus,
};

/** The template's labels are the selector, and the controller's own, where it has none. */
function defaultReplicationController(object: ReplicationController): ReplicationController {
  const given = fillAbsent(object.spec ?? {}, { replicas: 1 });
  const status = object.status ?? { replicas: 0 };
  if (given.template === undefined) return { ...object, spec: given, status };
  const template = defaultPodTemplate(given.template);
  const labels = template.metadata?.labels;
  const isEmpty = (set: Readonly<Record<string, string>> | undefined) => Object.keys(set ?? {}).length === 0;
  const selector = isEmpty(given.selector) && labels !== undefined ? { selector: labels } : {};
  const metadata =
    isEmpty(object.metadata.labels) && labels !== undefined
      ? { ...object.metadata, labels }
      : object.metadata;
  return { ...object, metadata, spec: { ...given, ...selector, template }, status };
}
