import type { Strategy } from "../definition.ts";
import type { Node } from "./types.generated.ts";

export const nodeStrategy: Strategy<Node> = {
  generationFields: [],
};
