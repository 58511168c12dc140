import { fractionWarnings, templateWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import type { StatefulSet } from "./types.generated.ts";
import { defaultStatefulSet } from "./workload-defaults.ts";
import {
  validateStatefulSet,
  validateStatefulSetStatusUpdate,
  validateStatefulSetUpdate,
} from "./workload-validation.ts";

const endlessHistory =
  "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended";

export const statefulSetStrategy: Strategy<StatefulSet> = {
  defaults: defaultStatefulSet,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatusUpdate: validateStatefulSetStatusUpdate,
  warnings: (object, old) => [
    ...templateWarnings("spec.template", object.spec.template, object, old),
    ...(old !== undefined && old.metadata.generation === object.metadata.generation
      ? []
      : (object.spec.volumeClaimTemplates ?? []).flatMap(({ spec }, index) =>
          fractionWarnings(
            `spec.volumeClaimTemplates[${index}].resources.requests`,
            spec?.resources?.requests,
            ["storage"],
          ),
        )),
    ...((object.spec.revisionHistoryLimit ?? 0) < 0 ? [endlessHistory] : []),
  ],
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0, availableReplicas: 0 } }),
};
