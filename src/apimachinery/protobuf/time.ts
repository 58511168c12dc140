import type { ReverseWriter } from "./writer.ts";

const secondsKey = 1 * 8;
const nanosecondsKey = 2 * 8;

/** A Timestamp: whole seconds, and for the finer of the two kinds its fraction in nanoseconds. */
export function writeTime(writer: ReverseWriter, text: string, isMicro: boolean): void {
  const fraction = isMicro ? (/\.(\d{1,9})/.exec(text)?.[1] ?? "") : "";
  writer.integer(fraction === "" ? 0 : Number(fraction.padEnd(9, "0")));
  writer.varint(nanosecondsKey);
  writer.integer(secondsOf(text));
  writer.varint(secondsKey);
}

// The times within one object are mostly the same few.
let lastText = "";
let lastSeconds = 0;

function secondsOf(text: string): number {
  if (text !== lastText) {
    lastSeconds = plainSeconds(text) ?? Math.floor(Date.parse(text) / 1000);
    lastText = text;
  }
  return lastSeconds;
}

const zero = 0x30;

/** Of "2026-01-01T00:00:00Z", as the server writes it; undefined for any other form. */
function plainSeconds(text: string): number | undefined {
  if (text.length !== 20 || text[10] !== "T" || text[19] !== "Z") return undefined;
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hours = twoDigits(text, 11);
  const minutes = twoDigits(text, 14);
  const seconds = twoDigits(text, 17);
  const years = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  // What is no such number is not in its range either. Years before 100 are others to `Date.UTC`.
  const isPlain =
    years >= 100 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 28 &&
    hours >= 0 &&
    hours < 24 &&
    minutes >= 0 &&
    minutes < 60 &&
    seconds >= 0 &&
    seconds < 60;
  return isPlain ? Date.UTC(years, month - 1, day, hours, minutes, seconds) / 1000 : undefined;
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - zero;
  const ones = text.charCodeAt(at + 1) - zero;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
