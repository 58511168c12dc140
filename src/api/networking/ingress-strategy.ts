import type { Strategy } from "../definition.ts";
import type { Ingress } from "./types.generated.ts";

export const ingressStrategy: Strategy<Ingress> = {};
