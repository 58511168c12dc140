import { Anchors } from "./anchors.ts";
import type { Concept, Page } from "./concepts.ts";
import type { ExportedModule, ExportedSymbol, ModuleExports } from "./exports.ts";

/** Where a name is described: a page, and its heading there. */
export type Places = ReadonlyMap<string, { readonly page: string; readonly anchor: string }>;

/** What a longer declaration of a type that cannot be imported would bury. */
const longestAsideLines = 40;

/** A page's symbols under their concepts, in the order they are printed. Throws for one that belongs to none. */
export function arrange(page: Page, symbols: readonly ExportedSymbol[]): Map<Concept, ExportedSymbol[]> {
  const arranged = new Map<Concept, ExportedSymbol[]>(page.concepts.map((concept) => [concept, []]));
  for (const symbol of symbols) {
    // The entry file's own functions stand for what is loaded behind them.
    const own = page.concepts.find(({ files }) => files.some((file) => isBelow(symbol.file, file)));
    const symbolsThere = own && arranged.get(own);
    if (symbolsThere === undefined)
      throw new Error(
        `${symbol.name} of ${symbol.file} belongs to no concept: name it in tools/reference/concepts.ts`,
      );
    symbolsThere.push(symbol);
  }
  for (const [{ files }, own] of arranged) {
    const fileAt = ({ file }: ExportedSymbol) => files.findIndex((one) => isBelow(file, one));
    own.sort((a, b) => rank(a) - rank(b) || fileAt(a) - fileAt(b));
  }
  return arranged;
}

function isBelow(file: string, place: string): boolean {
  return place.endsWith("/") ? file.startsWith(place) : file === place;
}

/** What is called stands before what it takes and gives. */
function rank({ kind }: ExportedSymbol): number {
  return kind === "function" ? 0 : kind === "class" || kind === "constant" ? 1 : 2;
}

/** The headings' anchors as GitHub makes them: those that differ by case alone get a number. */
export function placesOf(page: Page, arranged: ReadonlyMap<Concept, readonly ExportedSymbol[]>): Places {
  const anchors = new Anchors();
  anchors.of(page.module);
  const places = new Map<string, { page: string; anchor: string }>();
  for (const [{ title }, symbols] of arranged) {
    if (symbols.length > 0) anchors.of(title);
    for (const { name } of symbols) places.set(name, { page: page.file, anchor: anchors.of(name) });
  }
  return places;
}

export interface Rendering {
  readonly page: Page;
  readonly arranged: ReadonlyMap<Concept, readonly ExportedSymbol[]>;
  readonly exports: ModuleExports;
  /** Of all pages. */
  readonly places: Places;
}

export function renderPage({ page, arranged, exports, places }: Rendering): string {
  const filled = [...arranged].filter(([, symbols]) => symbols.length > 0);
  const lines = [
    `# ${page.module}`,
    "",
    "<!-- Made by `npm run docs:reference` from the docstrings: change those. -->",
    "",
    `Everything that \`${page.module}\` exports. ${page.introduction}`,
    "",
    ...filled.map(([{ title }, symbols]) => {
      const names = symbols.map(({ name }) => `[\`${name}\`](#${places.get(name)?.anchor})`);
      return `- **${title}**: ${names.join(", ")}`;
    }),
    "",
    ...moduleLines(exports.modules),
  ];
  for (const [{ title, guide }, symbols] of filled) {
    lines.push(`## ${title}`, "");
    if (guide !== undefined) lines.push(`[With samples](${guide}).`, "");
    for (const symbol of symbols) lines.push(...symbolLines(symbol, page, places));
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

/** The kinds of Kubernetes: as types by group, and as constants to name them in calls. */
function moduleLines(modules: readonly ExportedModule[]): string[] {
  if (modules.length === 0) return [];
  const groups = modules.filter(({ name }) => name !== "resources");
  const names = groups.map(({ name, file }) => `[\`${name}\`](../../${file})`);
  const constants = modules.filter(({ name }) => name === "resources");
  return [
    `The kinds of Kubernetes are types by their group, such as \`core.Pod\`: ${names.join(", ")}.`,
    ...constants.map(
      ({ name, file, size }) =>
        `[\`${name}\`](../../${file}) names ${size} of them in calls, each as \`${name}.pods\` carries \`core.Pod\`.`,
    ),
    "",
  ];
}

function symbolLines(symbol: ExportedSymbol, page: Page, places: Places): string[] {
  const { name, docstring = "", declaration, file } = symbol;
  const importable = symbol.mentions.filter((mention) => places.has(mention.name) && mention.name !== name);
  const asides = symbol.mentions.filter(
    ({ name: mentioned, file: declared, declaration: text }) =>
      !places.has(mentioned) && !isGenerated(declared) && text.split("\n").length <= longestAsideLines,
  );
  const links = importable.map(({ name: mentioned }) => {
    const place = places.get(mentioned);
    const target = place?.page === page.file ? "" : place?.page;
    return `[\`${mentioned}\`](${target}#${place?.anchor})`;
  });
  return [
    `### ${name}`,
    "",
    docstring,
    "",
    "```ts",
    declaration,
    ...asides.flatMap((aside) => ["", aside.declaration]),
    "```",
    "",
    `${links.length === 0 ? "" : `${links.join(", ")} · `}[source](../../${file})`,
    "",
  ];
}

function isGenerated(file: string): boolean {
  return file.endsWith(".generated.ts");
}
