import type { Strategy } from "../definition.ts";
import type { Deployment } from "./types.generated.ts";
import { defaultDeployment } from "./workload-defaults.ts";

export const deploymentStrategy: Strategy<Deployment> = {
  defaults: defaultDeployment,
  prepareForCreate: (object) => ({ ...object, status: {} }),
};
