import { bannedOutsideEdges, components, edges, layers, maxFileLines, maxFunctionLines } from "./rules.ts";
import type { SourceFile } from "./tree.ts";

const isTest = (path: string) => /\.test\.ts$/.test(path) || /(^|\/)(testdata|test-support)\//.test(path);
const isGenerated = (path: string) => path.includes(".generated.");
const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

const isEdge = (path: string) =>
  edges.some((edge) => (edge.endsWith("/") ? path.startsWith(edge) : path === edge));

function layerOf(path: string): number {
  return layers.findIndex((row) => row.some((folder) => within(path, folder)));
}

function componentOf(path: string): string | undefined {
  return components.find((folder) => within(path, folder));
}

/** Imports point down the layers; components never import each other or the API server. Tests may reach anywhere. */
export function checkLayers(files: readonly SourceFile[]): string[] {
  const faults: string[] = [];
  for (const file of files) {
    const from = layerOf(file.path);
    if (from < 0) {
      faults.push(`${file.path}: is in no layer; see tools/tidy/rules.ts`);
      continue;
    }
    if (isTest(file.path)) continue;
    const component = componentOf(file.path);
    for (const { target } of file.imports) {
      const to = layerOf(target);
      if (to < 0) continue;
      const other = componentOf(target);
      if (to > from) faults.push(`${file.path}: imports ${target}, a layer above its own`);
      else if (component !== undefined && other !== undefined && component !== other) {
        faults.push(`${file.path}: imports ${target}; components meet only as API objects`);
      } else if (component !== undefined && within(target, "src/apiserver")) {
        faults.push(`${file.path}: imports ${target}; components reach the API server through the client`);
      }
    }
  }
  return faults;
}

/** Only edges touch I/O, wall time and randomness. */
export function checkEdges(files: readonly SourceFile[]): string[] {
  const faults: string[] = [];
  for (const file of files) {
    if (isEdge(file.path) || isTest(file.path)) continue;
    for (const { target } of file.imports) {
      if (target.startsWith("node:")) faults.push(`${file.path}: imports ${target} outside an edge`);
    }
    for (const { pattern, name } of bannedOutsideEdges) {
      const at = file.code.search(pattern);
      if (at >= 0) faults.push(`${file.path}:${lineAt(file.code, at)}: uses ${name} outside an edge`);
    }
  }
  return faults;
}

/** No file reaches itself through its imports (types included: a cycle of ideas is one too). */
export function checkCycles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const state = new Map<string, "open" | "done">();
  const faults: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const file = byPath.get(path);
    if (file === undefined || state.get(path) === "done") return;
    if (state.get(path) === "open") {
      faults.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" -> ")}`);
      return;
    }
    state.set(path, "open");
    for (const { target } of file.imports) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const file of files) if (!isTest(file.path)) visit(file.path, []);
  return faults;
}

const exportPattern =
  /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(const|let|function\*?|class|interface|type)\s+(\w+)/gm;

/** What is exported is used by another file; the public entries (index.ts) and generated files are exempt. */
export function checkUnusedExports(files: readonly SourceFile[]): string[] {
  const used = new Set<string>();
  for (const file of files) {
    for (const { target, names } of file.imports) for (const name of names) used.add(`${target}:${name}`);
  }
  const faults: string[] = [];
  for (const file of files) {
    if (isTest(file.path) || isGenerated(file.path) || file.path.endsWith("/index.ts")) continue;
    if (used.has(`${file.path}:*`)) continue;
    for (const match of file.text.matchAll(exportPattern)) {
      const [, keyword, name = ""] = match;
      // A type that its own file names elsewhere belongs to an exported signature.
      const isType = keyword === "interface" || keyword === "type";
      if (isType && [...file.text.matchAll(new RegExp(`\\b${name}\\b`, "g"))].length > 1) continue;
      if (!used.has(`${file.path}:${name}`))
        faults.push(`${file.path}: export ${name} is used by no other file`);
    }
  }
  return faults;
}

/** Sizes over the limits, as "path" or "path:function" with the number of lines. */
export function measureSizes(files: readonly SourceFile[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const file of files) {
    if (isGenerated(file.path)) continue;
    const lines = file.text.split("\n").length - 1;
    const limit = isTest(file.path) ? maxFileLines * 2 : maxFileLines;
    if (lines > limit) sizes.set(file.path, lines);
    if (isTest(file.path)) continue;
    for (const { name, length } of functionsOf(file.code)) {
      if (length > maxFunctionLines) sizes.set(`${file.path}:${name}`, length);
    }
  }
  return sizes;
}

/** Over the limit is allowed only up to what the ratchet holds. */
export function checkSizes(
  sizes: ReadonlyMap<string, number>,
  ratchet: Readonly<Record<string, number>>,
): string[] {
  const faults: string[] = [];
  for (const [place, lines] of sizes) {
    const allowed = ratchet[place];
    if (allowed === undefined)
      faults.push(
        `${place}: ${lines} lines; split it (limit ${maxFileLines} a file, ${maxFunctionLines} a function)`,
      );
    else if (lines > allowed)
      faults.push(`${place}: grew from ${allowed} to ${lines} lines; the ratchet only shrinks`);
  }
  for (const place of Object.keys(ratchet)) {
    if (!sizes.has(place))
      faults.push(`${place}: is within the limits now; take it off tools/tidy/ratchet.json`);
  }
  return faults;
}

const functionPattern =
  /^([ \t]*)(?:export\s+)?(?:default\s+)?(?:async\s+)?function\*?\s+(\w+)|^( {2})(?:async\s+)?\*?(#?\w+)\([^\n]*\)?[^\n;]*\{$/gm;

/** Functions and methods by indentation, which the formatter guarantees: one ends at the first "}" of its own depth. */
function functionsOf(code: string): { name: string; length: number }[] {
  const found: { name: string; length: number }[] = [];
  for (const match of code.matchAll(functionPattern)) {
    const indent = match[1] ?? match[3] ?? "";
    const name = match[2] ?? match[4] ?? "";
    if (/^(if|for|while|switch|catch|return)$/.test(name)) continue;
    const start = match.index + (match[0].startsWith("\n") ? 1 : 0);
    const end = code.indexOf(`\n${indent}}`, start);
    if (end > 0) found.push({ name, length: lineAt(code, end + 1) - lineAt(code, start) + 1 });
  }
  return found;
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
