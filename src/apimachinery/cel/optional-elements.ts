/**
 * Elements that are there if their value is: `[?a, b]`, `{?k: v}`. The library has no such syntax; it is given a macro around the
 * literal, in which each optional value is marked: `PRESENT([OPTIONAL(a), b])` (libraries/optional-elements.ts).
 */
export function withOptionalElements(expression: string): string {
  if (!/[[{,]\s*\?/.test(expression)) return expression;
  let written = "";
  const open: Literal[] = [];
  for (const [part] of expression.matchAll(parts)) {
    const top = open.at(-1);
    if (/^[[{(]$/.test(part)) {
      open.push({
        kind: kindOf(part, written),
        at: written.length,
        begins: true,
        isOptional: false,
        marked: 0,
      });
      if (top !== undefined) top.begins = false;
      written += part;
    } else if (/^[\]})]$/.test(part)) {
      open.pop();
      written += top === undefined ? part : closed(top, part);
      if ((top?.marked ?? 0) > 0) written = `${written.slice(0, top?.at)}PRESENT(${written.slice(top?.at)})`;
    } else if (top === undefined || top.kind === "other") written += part;
    else if (part === "?" && top.begins) {
      top.isOptional = true;
      top.marked++;
      if (top.kind === "list") written += "OPTIONAL(";
      top.begins = false;
    } else if (part === ":" && top.kind === "map" && top.isOptional && top.inValue !== true) {
      top.inValue = true;
      written += ": OPTIONAL(";
    } else if (part === ",") {
      written += closed(top, part);
      Object.assign(top, { begins: true, isOptional: false, inValue: false });
    } else {
      if (part.trim() !== "") top.begins = false;
      written += part;
    }
  }
  return written;
}

/** A text, or a single character. */
const parts = /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[\s\S]/g;

interface Literal {
  readonly kind: "list" | "map" | "other";
  /** Where it begins in what is written. */
  readonly at: number;
  /** An element is to begin. */
  begins: boolean;
  /** The element is optional. */
  isOptional: boolean;
  inValue?: boolean;
  /** How many elements are optional. */
  marked: number;
}

/** What follows a value is an index, the fields of an object, or the arguments of a call. */
function kindOf(sign: string, before: string): Literal["kind"] {
  if (sign === "(") return "other";
  const followsValue = /[\w)\]}"']\s*$/.test(before) && !/\bin\s*$/.test(before);
  if (followsValue) return "other";
  return sign === "[" ? "list" : "map";
}

const closed = ({ isOptional, kind, inValue }: Literal, sign: string): string =>
  isOptional && (kind === "list" || inValue === true) ? `)${sign}` : sign;
