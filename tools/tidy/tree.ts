import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The code with comments and the contents of strings blanked: positions and lines stay. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** From the root for a relative import, else as written ("node:fs", "yaml"). */
  readonly target: string;
  readonly names: readonly string[];
  readonly typeOnly: boolean;
}

const skipped = new Set(["node_modules", "dist", ".git", ".ci"]);

export function readTree(root: string): SourceFile[] {
  const files: SourceFile[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue;
      const full = join(folder, entry.name);
      if (entry.isDirectory()) visit(full);
      else if (entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts")) {
        files.push(parseSource(relative(root, full).replaceAll("\\", "/"), readFileSync(full, "utf8")));
      }
    }
  };
  visit(root);
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function parseSource(path: string, text: string): SourceFile {
  return { path, text, code: blankNonCode(text), imports: importsOf(path, text) };
}

const importPattern =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?([^;'"]*?)\s*from\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)|new URL\(\s*["'](\.[^"']+\.ts)["']/g;

function importsOf(path: string, text: string): Import[] {
  const imports: Import[] = [];
  for (const match of text.matchAll(importPattern)) {
    const specifier = match[4] ?? match[5] ?? match[6] ?? "";
    const target = specifier.startsWith(".")
      ? join(dirname(path), specifier).replaceAll("\\", "/")
      : specifier;
    const clause = match[3];
    imports.push({
      target,
      names: clause === undefined ? ["*"] : namesOf(clause),
      typeOnly: match[2] !== undefined,
    });
  }
  return imports;
}

function namesOf(clause: string): string[] {
  const braces = clause.match(/\{([\s\S]*)\}/);
  const names = (braces?.[1] ?? "")
    .split(",")
    .map(
      (part) =>
        part
          .trim()
          .replace(/^type\s+/, "")
          .split(/\s+as\s+/)[0] ?? "",
    )
    .filter((name) => name !== "");
  if (clause.includes("*")) names.push("*");
  return names;
}

/** Replaces comments, and what stands inside string and template literals, by spaces. */
function blankNonCode(text: string): string {
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  return text.replace(pattern, (match) => match.replace(/[^\n]/g, " "));
}
