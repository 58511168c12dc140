import type { Strategy } from "../definition.ts";
import type { ConfigMap, Secret } from "./types.generated.ts";

export const configMapValidation: Strategy<ConfigMap> = {};
export const secretValidation: Strategy<Secret> = {};
