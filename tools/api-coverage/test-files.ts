import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Capability } from "./capabilities.ts";

/** Every test file below a folder of the repository, as paths below its root. */
function testFilesBelow(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => join(folder, file))
    .sort();
}

/** The test files of a place: a file, or a folder's. Throws where there is none: the map has rotted. */
export function testFilesOf(root: string, place: string): string[] {
  const files = place.endsWith("/")
    ? testFilesBelow(root, place)
    : existsSync(join(root, place))
      ? [place]
      : [];
  if (files.length === 0)
    throw new Error(`tools/api-coverage/capabilities.ts names ${place}: there are no tests`);
  return files;
}

/** Test files of the API server that no capability names. */
export function unnamedTests(root: string, capabilities: readonly Capability[]): string[] {
  const named = new Set(
    capabilities.flatMap(({ tests }) => tests.flatMap((place) => testFilesOf(root, place))),
  );
  return testFilesBelow(root, "src/apiserver").filter((file) => !named.has(file));
}

/**
 * How many tests each file declares: the files are loaded in a process of their own with a `node:test` that counts instead of
 * running, so that tables count as what they expand to.
 */
export function countTests(root: string, files: readonly string[]): Map<string, number> {
  const collector = fileURLToPath(new URL("collect-tests.ts", import.meta.url));
  const output = execFileSync(process.execPath, ["--conditions=k8ts-source", collector, ...files], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 16 * 1024 * 1024,
  });
  // Whatever a test file says as it is loaded stands before it.
  const counts = JSON.parse(output.trim().split("\n").at(-1) ?? "{}") as Record<string, number>;
  return new Map(Object.entries(counts));
}
