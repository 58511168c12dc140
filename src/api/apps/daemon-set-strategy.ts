import type { ObjectMeta } from "../../apimachinery/meta.ts";
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
  // Whoever writes the object writes the annotation, too.
  defaults: (object) => {
    const isShown = object.metadata.annotations?.[templateGenerationAnnotation] !== undefined;
    return defaultDaemonSet(isShown ? object : showingTemplateGeneration(object, 0));
  },
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

/** Rows of tables know it as a field still. */
export function withoutTemplateGeneration({ metadata }: DaemonSet): ObjectMeta {
  const { annotations = {}, ...rest } = metadata;
  const { [templateGenerationAnnotation]: _count, ...others } = annotations;
  return Object.keys(others).length === 0 ? rest : { ...metadata, annotations: others };
}

/** Zero, of objects from before it was counted, is left as it is: counting starts with the next change. */
function withTemplateGeneration(object: DaemonSet, generation: number): DaemonSet {
  return generation === templateGeneration(object) ? object : showingTemplateGeneration(object, generation);
}

function showingTemplateGeneration(object: DaemonSet, generation: number): DaemonSet {
  const annotations = { ...object.metadata.annotations, [templateGenerationAnnotation]: String(generation) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
