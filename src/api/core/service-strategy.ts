import type { Strategy } from "../definition.ts";
import type { Service } from "./types.generated.ts";

export const serviceStrategy: Strategy<Service> = {
  createOnUpdate: true,
  generationFields: [],
};
