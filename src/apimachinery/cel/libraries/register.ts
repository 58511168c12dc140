import type { Environment } from "@marcbachmann/cel-js";
import { registerAuthorizer } from "./authorizer.ts";
import { registerComprehensions } from "./comprehensions.ts";
import { registerFormats } from "./formats.ts";
import { registerLists } from "./lists.ts";
import { registerNetwork } from "./network.ts";
import { registerNumbers } from "./numbers.ts";
import { registerOptionalElements } from "./optional-elements.ts";
import { registerSets } from "./sets.ts";
import { registerStrings } from "./strings.ts";
import { registerUrls } from "./urls.ts";

/** Everything Kubernetes' CEL has beside the language. */
export function registerLibraries(environment: Environment): void {
  registerStrings(environment);
  registerLists(environment);
  registerSets(environment);
  registerComprehensions(environment);
  registerOptionalElements(environment);
  registerUrls(environment);
  registerNetwork(environment);
  registerNumbers(environment);
  registerFormats(environment);
  registerAuthorizer(environment);
}
