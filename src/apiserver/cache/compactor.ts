import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Storage } from "../../storage/storage.ts";

/** Upstream's `--etcd-compaction-interval`: history of at least five minutes. */
const defaultPeriodMs = 300_000;

export interface CompactorDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly periodMs?: number;
}

/**
 * Forgets history that is older than one period, twice a period: the token of a list's next page and the versions that
 * storage answers watches from last at least one period and at most one and a half (upstream's suite waits for two).
 * Several API servers on one store may each run it: what is compacted already stays so.
 */
export function startCompactor(dependencies: CompactorDependencies): { stop(): void } {
  const { storage, clock, logger, periodMs = defaultPeriodMs } = dependencies;
  let marks: readonly [aPeriodAgo: number, halfAPeriodAgo: number] = [storage.revision, storage.revision];
  let timer: Timer;
  let stopped = false;
  const arm = () => {
    timer = clock.setTimer(periodMs / 2, () => void compact());
  };
  const compact = async () => {
    try {
      const current = await storage.currentRevision();
      await storage.compact(marks[0]);
      marks = [marks[1], current];
    } catch (error) {
      if (!stopped) logger.warn({ error: String(error) }, "storage's history could not be compacted");
    }
    if (!stopped) arm();
  };
  arm();
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}
