/**
 * What differs between two values as Go's API server prints it (upstream's `diff.Diff`): a unified difference of their JSON, a space
 * for each level, with three lines around each change.
 */
export function unifiedDiff(old: unknown, value: unknown): string {
  const [before, after] = [linesOf(old), linesOf(value)];
  return hunks(changes(before, after), contextLines)
    .map((hunk) => printed(hunk, before, after))
    .join("");
}

const contextLines = 3;
/** Longer texts are compared from both ends only: the rest would take too long. */
const maxLines = 5_000;

// Go's encoder escapes these.
const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

function linesOf(value: unknown): readonly string[] {
  const text = JSON.stringify(value ?? null, undefined, 1);
  return text.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character).split("\n");
}

/** A run of lines of the old text, from `from` to `to`, and what it is in the new one. */
interface Change {
  readonly isEqual: boolean;
  readonly from: number;
  readonly to: number;
  readonly newFrom: number;
  readonly newTo: number;
}

function changes(before: readonly string[], after: readonly string[]): readonly Change[] {
  const result: Change[] = [];
  let [at, newAt] = [0, 0];
  for (const { start, newStart, size } of matches(before, after)) {
    if (at < start || newAt < newStart)
      result.push({ isEqual: false, from: at, to: start, newFrom: newAt, newTo: newStart });
    [at, newAt] = [start + size, newStart + size];
    if (size > 0) result.push({ isEqual: true, from: start, to: at, newFrom: newStart, newTo: newAt });
  }
  return result;
}

interface Match {
  readonly start: number;
  readonly newStart: number;
  readonly size: number;
}

/** Ratcliff and Obershelp's: the longest run that both have, then the same on either side of it. Adjacent runs are one. */
function matches(before: readonly string[], after: readonly string[]): readonly Match[] {
  const end = { start: before.length, newStart: after.length, size: 0 };
  if (before.length + after.length > maxLines) return [...commonEnds(before, after), end];
  const places = placesOf(after);
  const found: Match[] = [];
  const search = (from: number, to: number, newFrom: number, newTo: number): void => {
    const match = longest({ before, after, places }, { from, to, newFrom, newTo });
    if (match.size === 0) return;
    search(from, match.start, newFrom, match.newStart);
    const last = found.at(-1);
    const continues =
      last?.start === match.start - (last?.size ?? 0) && last.newStart === match.newStart - last.size;
    if (last !== undefined && continues) found[found.length - 1] = { ...last, size: last.size + match.size };
    else found.push(match);
    search(match.start + match.size, to, match.newStart + match.size, newTo);
  };
  search(0, before.length, 0, after.length);
  return [...found, end];
}

function commonEnds(before: readonly string[], after: readonly string[]): readonly Match[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return [
    { start: 0, newStart: 0, size: head },
    { start: before.length - tail, newStart: after.length - tail, size: tail },
  ];
}

const manyLines = 200;

/** Where each line stands; in a long text, lines that stand everywhere begin no run. */
function placesOf(lines: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  for (const [index, line] of lines.entries()) {
    const known = places.get(line);
    if (known === undefined) places.set(line, [index]);
    else known.push(index);
  }
  const most = Math.floor(lines.length / 100) + 1;
  if (lines.length >= manyLines)
    for (const [line, { length }] of places) if (length > most) places.delete(line);
  return places;
}

interface Texts {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly places: ReadonlyMap<string, readonly number[]>;
}

function longest({ before, after, places }: Texts, range: Omit<Change, "isEqual">): Match {
  const { from, to, newFrom, newTo } = range;
  let [start, newStart, size] = [from, newFrom, 0];
  let runs = new Map<number, number>();
  for (let at = from; at < to; at++) {
    const next = new Map<number, number>();
    for (const place of places.get(before[at] ?? "") ?? []) {
      if (place < newFrom || place >= newTo) continue;
      const length = (runs.get(place - 1) ?? 0) + 1;
      next.set(place, length);
      if (length > size) [start, newStart, size] = [at - length + 1, place - length + 1, length];
    }
    runs = next;
  }
  // Lines that begin no run can still lengthen one.
  while (start > from && newStart > newFrom && before[start - 1] === after[newStart - 1])
    [start, newStart, size] = [start - 1, newStart - 1, size + 1];
  while (start + size < to && newStart + size < newTo && before[start + size] === after[newStart + size])
    size++;
  return { start, newStart, size };
}

/** Changes that are near each other, with the lines around them. */
function hunks(all: readonly Change[], context: number): readonly (readonly Change[])[] {
  const result: Change[][] = [];
  let hunk: Change[] = [];
  for (const [index, change] of all.entries()) {
    if (!change.isEqual) {
      hunk.push(change);
      continue;
    }
    const { from, to, newFrom, newTo } = change;
    const isLast = index === all.length - 1;
    const tail = { ...change, to: Math.min(to, from + context), newTo: Math.min(newTo, newFrom + context) };
    const head = {
      ...change,
      from: Math.max(from, to - context),
      newFrom: Math.max(newFrom, newTo - context),
    };
    if (index === 0) hunk = [head];
    else if (isLast) hunk.push(tail);
    else if (to - from > 2 * context) {
      result.push([...hunk, tail]);
      hunk = [head];
    } else hunk.push(change);
  }
  if (hunk.some(({ isEqual }) => !isEqual)) result.push(hunk);
  return result;
}

function printed(hunk: readonly Change[], before: readonly string[], after: readonly string[]): string {
  const [first, last] = [hunk[0], hunk.at(-1)];
  if (first === undefined || last === undefined) return "";
  const lines = (sign: string, texts: readonly string[]) => texts.map((text) => `${sign}${text}\n`).join("");
  const body = hunk.map(({ isEqual, from, to, newFrom, newTo }) =>
    isEqual
      ? lines(" ", before.slice(from, to))
      : lines("-", before.slice(from, to)) + lines("+", after.slice(newFrom, newTo)),
  );
  return `@@ -${rangeOf(first.from, last.to)} +${rangeOf(first.newFrom, last.newTo)} @@\n${body.join("")}`;
}

function rangeOf(from: number, to: number): string {
  const length = to - from;
  if (length === 1) return String(from + 1);
  return `${length === 0 ? from : from + 1},${length}`;
}
