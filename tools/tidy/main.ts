import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkCycles,
  checkEdges,
  checkLayers,
  checkSizes,
  checkUnusedExports,
  measureSizes,
} from "./checks.ts";
import { readTree } from "./tree.ts";

/** Every fault tidy finds in the tree below `root`. */
export function tidy(root: string): string[] {
  const files = readTree(root);
  const ratchet = JSON.parse(readFileSync(join(root, "tools/tidy/ratchet.json"), "utf8")) as Record<
    string,
    number
  >;
  return [
    ...checkLayers(files),
    ...checkEdges(files),
    ...checkCycles(files),
    ...checkUnusedExports(files),
    ...checkSizes(measureSizes(files), ratchet),
  ];
}

const root = fileURLToPath(new URL("../..", import.meta.url));
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--ratchet")) {
    const sizes = Object.fromEntries([...measureSizes(readTree(root))].sort(([a], [b]) => (a < b ? -1 : 1)));
    writeFileSync(join(root, "tools/tidy/ratchet.json"), `${JSON.stringify(sizes, null, 2)}\n`);
  }
  const faults = tidy(root);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) {
    console.error(`tidy: ${faults.length} faults`);
    process.exitCode = 1;
  }
}
