import type { Strategy } from "../definition.ts";
import type { CustomResourceDefinition } from "./types.generated.ts";

export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
  unconditionalUpdate: false,
};
