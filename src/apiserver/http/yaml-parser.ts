import { Worker } from "node:worker_threads";
import { tooManyRequests } from "../../apimachinery/api-error.ts";
import type { ParsedYaml, YamlParser } from "../../apimachinery/schema/yaml-text.ts";
import { parseYamlText } from "../../apimachinery/schema/yaml-text.ts";

/** Longer texts are parsed on a thread of their own. */
const maxInlineLength = 16 * 1024;
/** Neither do those with more marks that may open a list or a map stay on this one. */
const maxInlineOpeners = 1000;
/** How many wait for that thread; then clients are asked to come back. */
const maxWaiting = 16;

export interface YamlParserOptions {
  /** What one text may take; default 10 s. */
  readonly timeoutMs?: number;
}

/** What the thread answers. */
export type YamlAnswer = { readonly parsed: ParsedYaml } | { readonly fault: string };

/**
 * Parses YAML without holding the event loop: the library takes seconds for the longest body that a client may send. One
 * thread at a time, and only while there is something to parse.
 */
export function createYamlParser({ timeoutMs = 10_000 }: YamlParserOptions = {}): YamlParser {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return async (text) => {
    if (isTame(text)) return parseYamlText(text);
    if (waiting >= maxWaiting) throw tooManyRequests("too many long YAML bodies at once", 1);
    waiting++;
    const parsing = last.then(() => parseOnThread(text, timeoutMs));
    last = parsing.catch(() => undefined);
    try {
      return await parsing;
    } finally {
      waiting--;
    }
  };
}

const openers = /[[{?-]/g;

/** Short, and with too few marks that open something to nest deep: the parser would spend long before it gives up. */
function isTame(text: string): boolean {
  if (text.length > maxInlineLength) return false;
  const marks = text.match(openers)?.length ?? 0;
  return marks < maxInlineOpeners;
}

function parseOnThread(text: string, timeoutMs: number): Promise<ParsedYaml> {
  // Built, this file and the thread's are JavaScript beside each other.
  const file = import.meta.url.endsWith(".ts") ? "./yaml-worker.ts" : "./yaml-worker.js";
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: text,
    name: "yaml",
    resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 },
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => settle(() => reject(new Error("the text takes too long to parse"))),
      timeoutMs,
    );
    const settle = (end: () => void) => {
      clearTimeout(timer);
      worker.removeAllListeners();
      worker.on("error", () => undefined);
      void worker.terminate();
      end();
    };
    worker.once("message", (answer: YamlAnswer) =>
      settle(() => ("parsed" in answer ? resolve(answer.parsed) : reject(new Error(answer.fault)))),
    );
    worker.once("error", () => settle(() => reject(new Error("the text takes too much to parse"))));
  });
}
