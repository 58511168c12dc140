/** When a cron schedule is due, by the clock of a time zone. */
import {
  type CronField,
  type CronFields,
  type CronSchedule,
  CronSyntaxError,
  parseCronSchedule,
} from "../../api/batch/cron-schedule.ts";

export interface Schedule {
  /** The first time after this one that the schedule names, in epoch milliseconds; undefined if there is none. */
  next(afterMs: number): number | undefined;
}

export class ScheduleError extends Error {}

/** A schedule in this time zone ("Europe/Berlin"; UTC unless said). Throws ScheduleError. */
export function parseSchedule(text: string, timeZone = "UTC"): Schedule {
  const schedule = readSchedule(text);
  if (schedule.kind === "every") return everySchedule(schedule.periodMs);
  const { fields } = schedule;
  const offsetMs = offsetOf(timeZone);
  return { next: (afterMs) => nextMatch(fields, afterMs, offsetMs) };
}

function readSchedule(text: string): CronSchedule {
  try {
    return parseCronSchedule(text);
  } catch (error) {
    if (error instanceof CronSyntaxError) throw new ScheduleError(error.message);
    throw error;
  }
}

/** Counted from whatever time is asked about. */
function everySchedule(periodMs: number): Schedule {
  return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + periodMs };
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
  { minute, hour, dayOfMonth, month, dayOfWeek }: CronFields,
  afterMs: number,
  offsetMs: (utcMs: number) => number,
): number | undefined {
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
function matchesDay(time: Date, dayOfMonth: CronField, dayOfWeek: CronField): boolean {
  const byMonth = dayOfMonth.values.has(time.getUTCDate());
  const byWeek = dayOfWeek.values.has(time.getUTCDay());
  return dayOfMonth.isAny || dayOfWeek.isAny ? byMonth && byWeek : byMonth || byWeek;
}
