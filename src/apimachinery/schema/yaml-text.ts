/** YAML from strangers: what it says as a JSON value, which keys are there twice, and how much it may make of itself. */
import type { Document, ParsedNode, ScalarTag } from "yaml";
import { yamlFault, yamlMeaningFault } from "./yaml-fault.ts";

export interface ParsedYaml {
  readonly value: unknown;
  /** Upstream's words for each key that is there twice, in the order of the text; the last one counts. */
  readonly duplicates: readonly string[];
}

/** Reads one document. Rejects with what is wrong with the text. */
export type YamlParser = (text: string) => Promise<ParsedYaml>;

/** What YAML 1.1 took for a boolean, as the reader of upstream still does. */
const oldBoolean: ScalarTag = {
  tag: "tag:yaml.org,2002:bool",
  default: true,
  identify: () => false,
  test: /^(?:[yY]|yes|Yes|YES|on|On|ON|[nN]|no|No|NO|off|Off|OFF)$/,
  resolve: (text) => /^(?:y|yes|on)$/i.test(text),
};

/** How often aliases may be followed, nested ones multiplied: a small document must not become a huge value. */
const maxAliasCount = 100;
/** More duplicates are not told. */
const maxDuplicates = 100;

/**
 * Parses on this thread: fit for short texts, since the library needs microseconds a byte. As upstream, the first of several
 * documents counts. An alias within its own anchor makes a value without end: check its depth before walking it.
 */
export async function parseYamlText(text: string): Promise<ParsedYaml> {
  const { LineCounter, isScalar, parseDocument, visit } = await import("yaml");
  const lines = new LineCounter();
  // The library's own checks for duplicates, and its pretty errors, take time with the square of the text.
  const document = parseDocument(text, {
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
    customTags: (tags) => [...tags, oldBoolean],
    lineCounter: lines,
  }) as Document.Parsed<ParsedNode>; // a single document's node, whatever it holds
  const fault = document.errors.find(({ code }) => code !== "MULTIPLE_DOCS");
  if (fault !== undefined) throw new Error(yamlFault(fault.message, lines.linePos(fault.pos[0]).line, text));
  const duplicates: string[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = key.value;
        if (seen.has(name) && name !== "<<" && duplicates.length < maxDuplicates)
          duplicates.push(
            `line ${lines.linePos(key.range?.[0] ?? 0).line}: key ${JSON.stringify(String(name))} already set in map`,
          );
        seen.add(name);
      }
    },
  });
  return { value: jsonOf(document), duplicates };
}

function jsonOf(document: Document.Parsed<ParsedNode>): unknown {
  try {
    return document.toJS({ maxAliasCount });
  } catch (error) {
    throw new Error(yamlMeaningFault(error instanceof Error ? error.message : String(error)));
  }
}
