/** Cron schedules, as robfig/cron's standard parser reads them: five fields, names, steps, and the @ descriptors. */
export interface Schedule {
  /** The first time after this one that the schedule names, in epoch milliseconds; undefined if there is none. */
  next(afterMs: number): number | undefined;
}

export class ScheduleError extends Error {}

interface Field {
  readonly values: ReadonlySet<number>;
  /** Any value will do: a star without a step. */
  readonly isAny: boolean;
}

interface FieldRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const fieldRules: readonly FieldRule[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of month", min: 1, max: 31 },
  {
    name: "month",
    min: 1,
    max: 12,
    names: ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of week", min: 0, max: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

const descriptors: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** A schedule in this time zone ("Europe/Berlin"; UTC unless said). Throws ScheduleError. */
export function parseSchedule(text: string, timeZone = "UTC"): Schedule {
  const every = /^@every\s+(.+)$/.exec(text);
  if (every !== null) return everySchedule(parseDurationMs(every[1] ?? ""));
  const spec = text.startsWith("@") ? descriptors[text] : text;
  if (spec === undefined) throw new ScheduleError(`unrecognized descriptor: ${text}`);
  const parts = spec.trim().split(/\s+/);
  if (parts.length !== fieldRules.length) {
    throw new ScheduleError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`);
  }
  const fields = fieldRules.map((rule, index) => parseField(parts[index] ?? "", rule));
  const offsetMs = offsetOf(timeZone);
  return { next: (afterMs) => nextMatch(fields, afterMs, offsetMs) };
}

function parseField(text: string, rule: FieldRule): Field {
  const values = new Set<number>();
  let isAny = false;
  for (const item of text.split(",")) {
    const match = /^([^/-]+)(?:-([^/-]+))?(?:\/(\d+))?$/.exec(item);
    if (match === null) throw new ScheduleError(`failed to parse ${rule.name}: ${text}`);
    const [, first = "", last, stepText] = match;
    const isStar = first === "*" || first === "?";
    const step = stepText === undefined ? 1 : Number(stepText);
    if (step === 0) throw new ScheduleError(`step of range should be a positive number: ${item}`);
    const start = isStar ? rule.min : readValue(first, rule);
    // "5/15" means from 5 on.
    const open = isStar || (stepText !== undefined && last === undefined);
    const end = open ? rule.max : last === undefined ? start : readValue(last, rule);
    if (start > end)
      throw new ScheduleError(`beginning of range (${start}) beyond end of range (${end}): ${item}`);
    for (let value = start; value <= end; value += step) values.add(value);
    isAny ||= isStar && step === 1;
  }
  return { values, isAny };
}

function readValue(text: string, { name, min, max, names = [] }: FieldRule): number {
  const named = names.indexOf(text.toLowerCase());
  const value = named >= 0 && text !== "" ? named : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new ScheduleError(`failed to parse ${name} from ${text}`);
  if (value < min) throw new ScheduleError(`beginning of range (${value}) below minimum (${min}): ${text}`);
  if (value > max) throw new ScheduleError(`end of range (${value}) above maximum (${max}): ${text}`);
  return value;
}

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

function parseDurationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new ScheduleError(`failed to parse duration ${text}`);
  }
  return parts.reduce((total, [, count, unit = ""]) => total + Number(count) * (unitMs[unit] ?? 0), 0);
}

/** Whole seconds, at least one, counted from whatever time is asked about. */
function everySchedule(periodMs: number): Schedule {
  const roundedMs = Math.max(1000, Math.floor(periodMs / 1000) * 1000);
  return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + roundedMs };
}

/** How far a zone is ahead of UTC at a moment. Throws ScheduleError for a zone that is not known. */
function offsetOf(timeZone: string): (utcMs: number) => number {
  if (timeZone === "UTC" || timeZone === "Etc/UTC") return () => 0;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw new ScheduleError(`unknown time zone ${timeZone}`);
  }
  return (utcMs) => {
    const parts = Object.fromEntries(
      format.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(utcMs / 1000) * 1000;
  };
}

/** A date that does not come within so many years never does (30 February). */
const searchYears = 5;

/**
 * Searches in the zone's own clock, as if it were UTC, field by field from the largest. A time that the zone skips in spring
 * does not happen; one that it repeats in autumn happens once.
 */
function nextMatch(
  fields: readonly Field[],
  afterMs: number,
  offsetMs: (utcMs: number) => number,
): number | undefined {
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields;
  if (!minute || !hour || !dayOfMonth || !month || !dayOfWeek) return undefined;
  const startLocalMs = afterMs + offsetMs(afterMs);
  const time = new Date(Math.floor(startLocalMs / 60_000) * 60_000 + 60_000);
  const lastYear = time.getUTCFullYear() + searchYears;
  while (time.getUTCFullYear() <= lastYear) {
    if (!month.values.has(time.getUTCMonth() + 1)) {
      time.setUTCMonth(time.getUTCMonth() + 1, 1);
      time.setUTCHours(0, 0);
    } else if (!matchesDay(time, dayOfMonth, dayOfWeek)) {
      time.setUTCDate(time.getUTCDate() + 1);
      time.setUTCHours(0, 0);
    } else if (!hour.values.has(time.getUTCHours())) {
      time.setUTCHours(time.getUTCHours() + 1, 0);
    } else if (!minute.values.has(time.getUTCMinutes())) {
      time.setUTCMinutes(time.getUTCMinutes() + 1);
    } else {
      const localMs = time.getTime();
      const utcMs = localMs - offsetMs(localMs - offsetMs(localMs));
      if (utcMs > afterMs && utcMs + offsetMs(utcMs) === localMs) return utcMs;
      time.setUTCMinutes(time.getUTCMinutes() + 1);
    }
  }
  return undefined;
}

/** Where both kinds of day are given, either will do; a star leaves the other to decide. */
function matchesDay(time: Date, dayOfMonth: Field, dayOfWeek: Field): boolean {
  const byMonth = dayOfMonth.values.has(time.getUTCDate());
  const byWeek = dayOfWeek.values.has(time.getUTCDay());
  return dayOfMonth.isAny || dayOfWeek.isAny ? byMonth && byWeek : byMonth || byWeek;
}
