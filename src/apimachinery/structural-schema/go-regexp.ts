/** Regular expressions of Go (RE2's syntax), as JavaScript runs them. */
const compiled = new Map<string, RegExp | Error>();
const limit = 2000;

/** Throws an Error that says what is wrong with the pattern. */
export function goRegExp(pattern: string): RegExp {
  let known = compiled.get(pattern);
  if (known === undefined) {
    known = compile(pattern);
    if (compiled.size >= limit) compiled.clear();
    compiled.set(pattern, known);
  }
  if (known instanceof Error) throw known;
  return known;
}

const posixClasses: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

/** What JavaScript has and RE2 refuses, because it cannot be matched in linear time. */
const unsupported = /\(\?[=!]|\(\?<[=!]|(?<!\\)(?:\\\\)*\\[1-9]/;

function compile(pattern: string): RegExp | Error {
  const [refused] = unsupported.exec(pattern) ?? [];
  if (refused !== undefined)
    return parseError(
      refused.startsWith("(") ? "invalid or unsupported Perl syntax" : "invalid escape sequence",
      refused.startsWith("(?<") ? "(?<" : refused.slice(refused.startsWith("(") ? 0 : -2),
    );
  const [count] = tooOften.exec(pattern) ?? [];
  if (count !== undefined) return parseError("invalid repeat count", count);
  const { source, flags } = translate(pattern);
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    // Unicode mode refuses needless escapes, which Go allows.
  }
  try {
    return new RegExp(source, flags);
  } catch (error) {
    return inWordsOfGo(error instanceof Error ? error.message : String(error), pattern);
  }
}

/** More than Go repeats anything. */
const tooOften = /(?<!\\)\{(?:\d+,)?(?:[1-9]\d{4,}|[2-9]\d{3}|1\d{2}[1-9]|1[1-9]\d{2}|10[1-9]\d)(?:,\d*)?\}/;

const parseError = (what: string, where: string) => new Error(`error parsing regexp: ${what}: \`${where}\``);

/** By a part of V8's words: Go's, and what of the pattern Go quotes (all of it unless said). */
const words: readonly (readonly [RegExp, string, RegExp?])[] = [
  [/Unterminated group/, "missing closing )"],
  [/Unmatched '\)'/, "unexpected )"],
  [/Nothing to repeat/, "missing argument to repetition operator", /[*+?](?=[^*+?]*$|[*+?])/],
  [/Unterminated character class|Lone quantifier brackets/, "missing closing ]", /\[[^\]]*$/],
  [/Range out of order/, "invalid character class range", /[^[]-[^\]]/],
  [/out of order in \{\}/, "invalid repeat count", /\{\d+,\d+\}/],
  [/\\ at end/, "trailing backslash at end of expression", /$/],
  [/capture group name/, "invalid named capture", /\(\?P?<[^>]*>?/],
  [/Invalid group/, "invalid or unsupported Perl syntax", /\(\?[^:]?/],
  [/escape|property name/, "invalid escape sequence", /\\[a-zA-Z](?:\{[^}]*\}|.)?/],
];

function inWordsOfGo(message: string, pattern: string): Error {
  const known = words.find(([given]) => given.test(message));
  if (known === undefined) return parseError(message.replace(/^.*: /, ""), pattern);
  const [, what, part] = known;
  return parseError(what, part === undefined ? pattern : (part.exec(pattern)?.[0] ?? pattern));
}

function translate(pattern: string): { source: string; flags: string } {
  let flags = "";
  let source = pattern.replace(/^\(\?([imsU]+)\)/, (_, letters: string) => {
    flags = letters.replace("U", "");
    return "";
  });
  source = source
    .replace(/\\Q([\s\S]*?)(?:\\E|$)/g, (_, text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .replace(/\(\?P</g, "(?<")
    .replace(/\\A/g, "^")
    .replace(/\\z/g, "$")
    .replace(/\\pN/g, "\\p{N}")
    .replace(/\\p([LMNPSZC])(?!\{)/g, "\\p{$1}")
    .replace(/\[:(\^?)(\w+):\]/g, (text, _negated: string, name: string) => posixClasses[name] ?? text)
    .replace(/\\([-_'"/<>=:;,@#%&!~` ])/g, (text, char: string) =>
      char === "-" || char === "/" ? text : char,
    );
  return { source: scopedFlags(unescapeDashes(source)), flags };
}

/** `a(?i)b`: in Go a flag holds to the end of its group; in JavaScript it needs a group of its own. */
function scopedFlags(source: string): string {
  if (!/\(\?[ims]+\)/.test(source)) return source;
  let result = "";
  let inClass = false;
  /** For each open group, how many groups of flags must be closed with it. */
  const open = [0];
  for (let index = 0; index < source.length; index++) {
    const char = source.charAt(index);
    if (char === "\\") {
      result += char + source.charAt(++index);
      continue;
    }
    const flags = inClass ? undefined : /^\(\?([ims]+)\)/.exec(source.slice(index))?.[1];
    if (flags !== undefined) {
      result += `(?${flags}:`;
      index += flags.length + 2;
      open.push((open.pop() ?? 0) + 1);
      continue;
    }
    if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "(" && !inClass) open.push(0);
    else if (char === ")" && !inClass) result += ")".repeat(open.pop() ?? 0);
    result += char;
  }
  return result + ")".repeat(open.pop() ?? 0);
}

/** In Unicode mode a dash may be escaped in classes only. */
function unescapeDashes(source: string): string {
  if (!source.includes("\\-")) return source;
  let result = "";
  let inClass = false;
  for (let index = 0; index < source.length; index++) {
    const char = source.charAt(index);
    if (char === "\\") {
      const next = source.charAt(index + 1);
      result += next === "-" && !inClass ? "-" : char + next;
      index++;
      continue;
    }
    if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    result += char;
  }
  return result;
}
