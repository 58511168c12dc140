/** Schedules in cron's five fields, or by name (`@daily`, `@every 1h30m`), as robfig/cron's standard parser has them. */
import { lookupTable } from "../../base/lookup-table.ts";

export type CronSchedule =
  | { readonly kind: "fields"; readonly fields: CronFields }
  /** `@every`: a fixed span instead of times of the clock. */
  | { readonly kind: "every"; readonly periodMs: number };

export interface CronFields {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly dayOfMonth: CronField;
  readonly month: CronField;
  /** 0 is Sunday. */
  readonly dayOfWeek: CronField;
}

export interface CronField {
  readonly values: ReadonlySet<number>;
  /** A star without a step: of two fields for days, the other decides alone. */
  readonly isAny: boolean;
}

export class CronSyntaxError extends Error {
  override readonly name = "CronSyntaxError";
}

interface FieldRange {
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
}

const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const days = "sun mon tue wed thu fri sat".split(" ");
const ranges = {
  minute: { low: 0, high: 59 },
  hour: { low: 0, high: 23 },
  dayOfMonth: { low: 1, high: 31 },
  month: { low: 1, high: 12, names: ["", ...months] },
  dayOfWeek: { low: 0, high: 6, names: days },
} as const satisfies Readonly<Record<keyof CronFields, FieldRange>>;

const descriptors: Readonly<Record<string, string>> = lookupTable({
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
});

/** Throws `CronSyntaxError` with the parser's words. */
export function parseCronSchedule(text: string): CronSchedule {
  if (text === "") throw new CronSyntaxError("empty spec string");
  if (text.startsWith("@")) return parseDescriptor(text);
  const parts = text.trim().split(/\s+/);
  if (parts.length !== 5)
    throw new CronSyntaxError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = parts;
  return {
    kind: "fields",
    fields: {
      minute: parseField(minute, ranges.minute),
      hour: parseField(hour, ranges.hour),
      dayOfMonth: parseField(dayOfMonth, ranges.dayOfMonth),
      month: parseField(month, ranges.month),
      dayOfWeek: parseField(dayOfWeek, ranges.dayOfWeek),
    },
  };
}

function parseDescriptor(text: string): CronSchedule {
  const fields = descriptors[text];
  if (fields !== undefined) return parseCronSchedule(fields);
  if (text.startsWith("@every ")) {
    const durationMs = parseDuration(text.slice("@every ".length));
    if (durationMs === undefined) throw new CronSyntaxError(`failed to parse duration ${text}`);
    // Whole seconds, and one at least.
    return { kind: "every", periodMs: Math.max(1000, Math.floor(durationMs / 1000) * 1000) };
  }
  throw new CronSyntaxError(`unrecognized descriptor: ${text}`);
}

const unitsMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

function parseDuration(text: string): number | undefined {
  if (!/^([0-9]+(\.[0-9]+)?(h|ms|m|s))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, , unit = ""] of text.matchAll(/([0-9]+(\.[0-9]+)?)(h|ms|m|s)/g))
    total += Number(amount) * (unitsMs[unit] ?? 0);
  return total;
}

function parseField(text: string, range: FieldRange): CronField {
  const values = new Set<number>();
  let isAny = false;
  for (const part of text.split(",")) if (addRange(values, part, range)) isAny = true;
  return { values, isAny };
}

/** Adds what `1-5/2` names; true for a star without a step. */
function addRange(values: Set<number>, text: string, range: FieldRange): boolean {
  const [span = "", stepText, ...tooMany] = text.split("/");
  if (tooMany.length > 0) throw new CronSyntaxError(`too many slashes: ${text}`);
  const step = stepText === undefined ? 1 : parseNumber(stepText);
  if (step === 0) throw new CronSyntaxError(`step of range should be a positive number: ${text}`);
  const [start, end] = parseSpan(span, text, range, stepText !== undefined);
  if (start < range.low)
    throw new CronSyntaxError(`beginning of range (${start}) below minimum (${range.low}): ${text}`);
  if (end > range.high)
    throw new CronSyntaxError(`end of range (${end}) above maximum (${range.high}): ${text}`);
  if (start > end)
    throw new CronSyntaxError(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  for (let value = start; value <= end; value += step) values.add(value);
  return isStar(span) && step === 1;
}

function isStar(span: string): boolean {
  return span === "*" || span === "?";
}

function parseSpan(
  span: string,
  text: string,
  range: FieldRange,
  hasStep: boolean,
): readonly [number, number] {
  if (isStar(span)) return [range.low, range.high];
  const [first = "", last, ...tooMany] = span.split("-");
  if (tooMany.length > 0) throw new CronSyntaxError(`too many hyphens: ${text}`);
  const start = parseValue(first, range);
  if (last !== undefined) return [start, parseValue(last, range)];
  // "5/10" means from 5 on.
  return [start, hasStep ? range.high : start];
}

function parseValue(text: string, { names }: FieldRange): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  return named >= 0 && text !== "" ? named : parseNumber(text);
}

function parseNumber(text: string): number {
  if (/^[0-9]+$/.test(text)) return Number(text);
  if (/^-[0-9]+$/.test(text)) throw new CronSyntaxError(`negative number (${text}) not allowed: ${text}`);
  throw new CronSyntaxError(
    `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}
