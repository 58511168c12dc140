import type { Strategy } from "../definition.ts";
import type { IngressClass } from "./types.generated.ts";

export const ingressClassStrategy: Strategy<IngressClass> = {};
