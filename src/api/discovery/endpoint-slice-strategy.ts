import type { Strategy } from "../definition.ts";
import type { EndpointSlice } from "./types.generated.ts";

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  generationFields: ["addressType", "endpoints", "ports"],
};
