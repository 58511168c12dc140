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

// The times within one object are mostly the same few, and those of objects that were made together too.
const known = new Map<string, number>();
const knownLimit = 512;

function secondsOf(text: string): number {
  let seconds = known.get(text);
  if (seconds === undefined) {
    seconds = Math.floor(Date.parse(text) / 1000);
    if (known.size >= knownLimit) known.clear();
    known.set(text, seconds);
  }
  return seconds;
}
