import { UserError } from "./user-error.ts";

/** Values of kube-apiserver's flags, refused in its words. All throw UserError. */

function refused(flag: string, text: string, why: string): UserError {
  return new UserError(`invalid argument ${JSON.stringify(text)} for "--${flag}" flag: ${why}`);
}

/** One line of comma-separated values; quotes hold commas, and a quote twice is one. */
export function listValue(flag: string, text = ""): readonly string[] {
  if (text === "") return [];
  const fields: string[] = [];
  const field = /"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$)/y;
  for (let at = 0; at <= text.length; at = field.lastIndex + 1) {
    field.lastIndex = at;
    const found = field.exec(text);
    if (found === null) throw refused(flag, text, quoteError(text, at));
    fields.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? "");
  }
  return fields;
}

function quoteError(text: string, at: number): string {
  const rest = text.slice(at);
  // Go counts bytes.
  const place = (offset: number) =>
    `parse error on line 1, column ${Buffer.byteLength(text.slice(0, at + offset)) + 1}`;
  if (!rest.startsWith('"')) return `${place(rest.indexOf('"'))}: bare " in non-quoted-field`;
  const [closed] = /^"(?:[^"]|"")*"/.exec(rest) ?? [rest];
  return `${place(closed === rest ? rest.length : closed.length - 1)}: extraneous or missing " in quoted-field`;
}

const maxInt64 = 2n ** 63n - 1n;

/** `whole` is what was given, where this is one of several. */
export function integerValue(flag: string, text: string, whole = text): number {
  const why = (reason: string) =>
    refused(flag, whole, `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${reason}`);
  if (!/^[+-]?\d+$/.test(text)) throw why("invalid syntax");
  const value = BigInt(text.replace("+", ""));
  if (value > maxInt64 || value < -maxInt64 - 1n) throw why("value out of range");
  return Number(value);
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** "30000-32767", "30000+2767" or one port; empty: nothing is said. */
export function portRangeValue(flag: string, given: string): PortRange | undefined {
  const text = given.trim();
  if (text === "") return undefined;
  const [, low = "", sign, high = ""] = /^([^-+]*)(?:([-+])([\s\S]*))?$/.exec(text) ?? [];
  const port = (digits: string) => {
    if (/^\d+$/.test(digits)) return Number(digits);
    throw refused(flag, given, `strconv.Atoi: parsing ${JSON.stringify(digits)}: invalid syntax`);
  };
  const first = port(low);
  const last = sign === undefined ? first : sign === "+" ? first + port(high) : port(high);
  if (first > 65_535 || last > 65_535)
    throw refused(flag, given, `the port range cannot be greater than 65535: ${text}`);
  if (last < first) throw refused(flag, given, `end port cannot be less than start port: ${text}`);
  if (first < 1) throw refused(flag, given, `there is no port 0: ${text}`);
  return { first, last };
}

/** As Go's ParseBool. */
export function parseBoolean(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : undefined;
}

/** Commander has `true` for a flag that stands alone. */
export function booleanValue(flag: string, value: string | boolean | undefined, unless: boolean): boolean {
  if (value === undefined) return unless;
  const text = String(value);
  const found = parseBoolean(text);
  if (found !== undefined) return found;
  throw refused(flag, text, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** What several faults are called together; undefined: there are none. */
export function aggregate(messages: readonly string[]): string | undefined {
  const each = [...new Set(messages)];
  return each.length > 1 ? `[${each.join(", ")}]` : each[0];
}
