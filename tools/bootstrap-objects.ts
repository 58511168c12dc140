/** Writes `src/testing/bootstrap-objects.generated.json`: what an API server makes in an empty store at its first start. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeBootstrapObjects } from "../src/testing/test-support/make-bootstrap-objects.ts";

const file = join(import.meta.dirname, "../src/testing/bootstrap-objects.generated.json");
const objects = await makeBootstrapObjects();
const parts = Object.entries(objects).map(([part, byKey]: [string, object]) => {
  const lines = Object.entries(byKey).map(
    ([key, object]) => `${JSON.stringify(key)}:${JSON.stringify(object)}`,
  );
  console.log(`${part}: ${lines.length} objects`);
  return `${JSON.stringify(part)}:{\n${lines.join(",\n")}\n}`;
});
writeFileSync(file, `{\n${parts.join(",\n")}\n}\n`);
