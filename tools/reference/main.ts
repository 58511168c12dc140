/** Writes the API reference from the docstrings: `npm run docs:reference`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pages } from "./concepts.ts";
import { type ExportedSymbol, readExports } from "./exports.ts";
import { arrange, placesOf, renderPage } from "./render.ts";

export interface Reference {
  /** Of every page: its file below docs/reference/, and what belongs there. */
  readonly texts: ReadonlyMap<string, string>;
  readonly symbols: readonly ExportedSymbol[];
}

export function makeReference(root: string): Reference {
  const read = readExports(
    root,
    pages.map(({ source }) => source),
  );
  const parts = pages.map((page, index) => {
    const exports = read[index] ?? { symbols: [], modules: [] };
    const arranged = arrange(page, exports.symbols);
    return { page, exports, arranged, own: placesOf(page, arranged) };
  });
  const texts = parts.map(({ page, exports, arranged, own }) => {
    // A name of the page's own comes before another page's.
    const places = new Map([...parts.flatMap((part) => [...part.own]), ...own]);
    return [page.file, renderPage({ page, arranged, exports, places })] as const;
  });
  return { texts: new Map(texts), symbols: read.flatMap(({ symbols }) => symbols) };
}

const root = fileURLToPath(new URL("../..", import.meta.url));
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = join(root, "docs/reference");
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of makeReference(root).texts) writeFileSync(join(folder, file), text);
}
