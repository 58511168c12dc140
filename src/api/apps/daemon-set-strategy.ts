import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import { templateWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import type { DaemonSet, DaemonSetStatus } from "./types.generated.ts";
import { defaultDaemonSet } from "./workload-defaults.ts";
import {
  validateDaemonSet,
  validateDaemonSetStatusUpdate,
  validateDaemonSetUpdate,
} from "./workload-validation.ts";

const initialStatus: DaemonSetStatus = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
};

export const daemonSetStrategy: Strategy<DaemonSet> = {
  defaults: defaultDaemonSet,
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
  validateStatusUpdate: validateDaemonSetStatusUpdate,
  warnings: (object, old) => templateWarnings("spec.template", object.spec.template, object, old),
  prepareForCreate: (object) => ({
    ...withTemplateGeneration(object, Math.max(1, templateGeneration(object))),
    status: initialStatus,
  }),
  prepareForUpdate: (object, old) => {
    const isChanged = !semanticallyEqual(object.spec.template, old.spec.template);
    return withTemplateGeneration(object, templateGeneration(old) + (isChanged ? 1 : 0));
  },
  prepareForStatusUpdate: (object, old) => withTemplateGeneration(object, templateGeneration(old)),
};

/** Counts the changes of the template. Its field is gone from apps/v1, but every DaemonSet still shows it so. */
const templateGenerationAnnotation = "deprecated.daemonset.template.generation";

function templateGeneration({ metadata }: DaemonSet): number {
  const text = metadata.annotations?.[templateGenerationAnnotation] ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** Zero, of objects from before it was counted, is not shown: counting starts with the next change. */
function withTemplateGeneration(object: DaemonSet, generation: number): DaemonSet {
  if (generation === templateGeneration(object)) return object;
  const annotations = { ...object.metadata.annotations, [templateGenerationAnnotation]: String(generation) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
