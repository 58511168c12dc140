/** Writes `src/testing/bootstrap-objects.generated.json`: what an API server makes in an empty store at its first start. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeBootstrapObjects } from "../src/testing/test-support/make-bootstrap-objects.ts";

const file = join(import.meta.dirname, "../src/testing/bootstrap-objects.generated.json");
const objects = await makeBootstrapObjects();
const lines = Object.entries(objects).map(
  ([key, object]) => `${JSON.stringify(key)}:${JSON.stringify(object)}`,
);
writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`);
console.log(`${Object.keys(objects).length} objects`);
