import { workloadWarnings } from "../core/pod-warnings.ts";
import type { Strategy } from "../definition.ts";
import type { Deployment } from "./types.generated.ts";
import { defaultDeployment } from "./workload-defaults.ts";
import {
  validateDeployment,
  validateDeploymentStatusUpdate,
  validateDeploymentUpdate,
} from "./workload-validation.ts";

export const deploymentStrategy: Strategy<Deployment> = {
  defaults: defaultDeployment,
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
  validateStatusUpdate: validateDeploymentStatusUpdate,
  warnings: (object, old) => workloadWarnings("spec.template", object.spec.template, object, old),
  prepareForCreate: (object) => ({ ...object, status: {} }),
  prepareForStatusUpdate: withLabelsOf,
  // Its replica sets get its annotations.
  generationFields: ["spec", "metadata.annotations"],
};

/** Alone among the workloads, a Deployment's labels are not changed together with its status. */
function withLabelsOf(object: Deployment, old: Deployment): Deployment {
  const { labels: _, ...metadata } = object.metadata;
  const { labels } = old.metadata;
  return { ...object, metadata: labels === undefined ? metadata : { ...metadata, labels } };
}
