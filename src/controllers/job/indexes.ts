import type { Pod } from "../../api/core/types.generated.ts";

/** Under this name a pod of an Indexed job carries its index, as annotation and as label. */
export const completionIndexName = "batch.kubernetes.io/job-completion-index";

/** The index of a pod of an Indexed job; undefined where it has none that can be read. */
export function completionIndexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[completionIndexName];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Reads "1,3-5,7". What cannot be read is left out, as is what is not below `completions`. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const interval of (text ?? "").split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(interval);
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
    for (let index = first; index <= last; index++) indexes.add(index);
  }
  return indexes;
}

/** Writes "1,3-5,7": a run of three or more as an interval. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const runs: [first: number, last: number][] = [];
  for (const index of [...indexes].sort((left, right) => left - right)) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === index - 1) run[1] = index;
    else runs.push([index, index]);
  }
  return runs
    .map(([first, last]) => {
      if (first === last) return String(first);
      return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
    })
    .join(",");
}

/** The first `count` indexes below `completions` that are in none of the sets. */
export function firstFreeIndexes(
  count: number,
  completions: number,
  taken: readonly ReadonlySet<number>[],
): number[] {
  const free: number[] = [];
  for (let index = 0; index < completions && free.length < count; index++) {
    if (!taken.some((set) => set.has(index))) free.push(index);
  }
  return free;
}
