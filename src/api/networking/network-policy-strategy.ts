import type { Strategy } from "../definition.ts";
import type { NetworkPolicy } from "./types.generated.ts";

export const networkPolicyStrategy: Strategy<NetworkPolicy> = {};
