import type { Strategy } from "../definition.ts";
import type { Deployment } from "./types.generated.ts";

export const deploymentStrategy: Strategy<Deployment> = {};
