import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");

/** What is started by its name: what the package exports, its command, its threads. */
const entries = {
  client: "src/client/index.ts",
  testing: "src/testing/index.ts",
  main: "src/cmd/main.ts",
  writer: "src/storage/sqlite/writer.ts",
  "yaml-worker": "src/apiserver/http/yaml-worker.ts",
};

/**
 * Writes the package's JavaScript, all of it into one folder. Modules that are loaded together become one file, since Node takes a
 * third of a millisecond for each, however small; what is loaded later (`await import`) stays apart, and an import loads nothing
 * that its sources do not.
 *
 * @returns the sources in each file, by its name
 */
export async function bundle(directory: string): Promise<ReadonlyMap<string, readonly string[]>> {
  await using bundled = await rolldown({
    cwd: root,
    input: entries,
    platform: "node",
    // Packages and Node's own modules.
    external: /^[^./]/,
  });
  const { output } = await bundled.write({
    dir: directory,
    cleanDir: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
  });
  return new Map(output.flatMap((file) => (file.type === "chunk" ? [[file.fileName, file.moduleIds]] : [])));
}

if (import.meta.main) await bundle(join(root, "dist"));
