import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { type LogOptions, parseLogLine, renderLogLine } from "../log-line.ts";
import type { LogSource } from "./log-reader.ts";

/** While a simulated log is followed, its container is looked at this often, and the log where nothing tells of changes. */
const pollMs = 200;

/** Like `readLog`, of a simulated container's log, which lies in memory. */
export async function* readSimLog(
  dependencies: {
    readonly clock: Clock;
    readonly text: (path: string) => string | undefined;
    /** Resolves when it changes next. */
    readonly changed?: (path: string) => Promise<void>;
  },
  source: LogSource,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { clock, text } = dependencies;
  const lines = () => (text(source.path) ?? "").split("\n").slice(0, -1);
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let position = options.tailLines === undefined ? 0 : Math.max(0, lines().length - options.tailLines);
  let changed: Promise<void> | undefined;
  while (!signal.aborted) {
    changed ??= dependencies.changed?.(source.path).then(() => {
      changed = undefined;
    });
    // Asked before the last look at the log: what was written before the end is not missed.
    const isLive = options.follow && (await source.isLive());
    const all = lines();
    for (const line of all.slice(position)) {
      const parsed = parseLogLine(new TextEncoder().encode(line));
      const rendered = parsed === undefined ? new Uint8Array(0) : renderLogLine(parsed, options);
      if (rendered.length > 0) yield rendered.subarray(0, left);
      left -= rendered.length;
      if (left <= 0) return;
    }
    position = all.length;
    if (!isLive) return;
    const pause = sleep(clock, pollMs, { signal }).catch(() => undefined);
    await (changed === undefined ? pause : Promise.race([pause, changed]));
  }
}
