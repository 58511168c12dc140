/** What is wrong with a YAML text, in the words of Go's library: who reads them has seen them before. */

interface Words {
  readonly library: RegExp;
  readonly go: string;
  /** The scanner counts lines from one, the parser from nought; neither tells of the first. */
  readonly by: "parser" | "scanner";
}

const notToken = "found character that cannot start any token";
const noContent = "did not find expected node content";
const noKey = "did not find expected key";
const noName = "did not find expected alphabetic or numeric character";

/** By how the library's messages begin; what is not here is told in its own. */
const known: readonly Words[] = [
  { library: /^Nested mappings/, go: "mapping values are not allowed in this context", by: "scanner" },
  { library: /^Tabs are not allowed/, go: notToken, by: "scanner" },
  { library: /^Plain value cannot start/, go: notToken, by: "scanner" },
  { library: /^Missing directives-end/, go: "could not find expected directive name", by: "scanner" },
  { library: /^Missing closing/, go: "found unexpected end of stream", by: "scanner" },
  { library: /^Invalid escape sequence/, go: "found unknown escape character", by: "scanner" },
  { library: /^Implicit map keys need to be followed/, go: "could not find expected ':'", by: "scanner" },
  { library: /^Block scalar header/, go: "did not find expected comment or line break", by: "scanner" },
  { library: /^(?:Alias|Anchor) cannot be an empty/, go: noName, by: "scanner" },
  {
    library: /^Unexpected block-seq-ind on same line/,
    go: "block sequence entries are not allowed in this context",
    by: "scanner",
  },
  { library: /^Unexpected flow-\w+-end token in YAML document/, go: noContent, by: "parser" },
  { library: /^All mapping items must start/, go: noKey, by: "parser" },
  { library: /^Implicit keys need to be on a single line/, go: noKey, by: "parser" },
  { library: /^Unexpected (?:scalar|flow-\w+-end)/, go: noKey, by: "parser" },
];

/** The fault at a line, counted from one, of a text. */
export function yamlFault(message: string, line: number, text: string): string {
  const flow = /^Flow (sequence|map) in block collection/.exec(message);
  if (flow !== null) return openFlow(flow[1] === "map" ? "}" : "]", text);
  const words = known.find(({ library }) => library.test(message));
  if (words === undefined) return `line ${line}: ${message}`;
  return `${place(words.by === "scanner" ? line : line - 1, line)}${words.go}`;
}

function place(shown: number, line: number): string {
  return line === 1 ? "" : `line ${shown}: `;
}

/** The end of the text, where a list or map is open: Go counts it as a line of its own. */
function openFlow(closing: string, text: string): string {
  const end = text.trimEnd();
  const lines = end.split("\n").length;
  const hasContent = !/[[{,:]$/.test(end);
  return `line ${lines}: ${hasContent ? `did not find expected ',' or '${closing}'` : noContent}`;
}

/** Of a text that has the right form and no meaning. */
export function yamlMeaningFault(message: string): string {
  const alias = /^Unresolved alias .*: (.+)$/s.exec(message)?.[1];
  if (alias !== undefined) return `unknown anchor '${alias}' referenced`;
  return message.startsWith("Excessive alias count") ? "document contains excessive aliasing" : message;
}
