import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Storage } from "../../storage/storage.ts";

/** Upstream's `--etcd-compaction-interval`: history of five to ten minutes. */
const defaultPeriodMs = 300_000;

export interface CompactorDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly periodMs?: number;
}

/**
 * Forgets history that is older than one period, once a period. Pages of a list and watches that storage answers reach back at
 * least that long. Several API servers on one store may each run it: what is compacted already stays so.
 */
export function startCompactor(dependencies: CompactorDependencies): { stop(): void } {
  const { storage, clock, logger, periodMs = defaultPeriodMs } = dependencies;
  let aPeriodAgo = storage.revision;
  let timer: Timer;
  let stopped = false;
  const arm = () => {
    timer = clock.setTimer(periodMs, () => void compact());
  };
  const compact = async () => {
    try {
      const current = await storage.currentRevision();
      await storage.compact(aPeriodAgo);
      aPeriodAgo = current;
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
