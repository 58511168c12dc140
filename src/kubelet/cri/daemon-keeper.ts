import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "../../base/log.ts";
import type { DaemonProcess } from "./containerd-process.ts";

/** Keeps a daemon of ours running: what ends unasked is started again, and its containers never notice. */
export interface DaemonKeeper {
  /** The process that runs now, or the last one that did. */
  readonly current: DaemonProcess;
  /** How often it ended unasked. */
  readonly restarts: number;
  /** Keeps no longer; resolves when no start is under way. The daemon itself goes on. */
  close(): Promise<void>;
}

const pollMs = 500;
const firstDelayMs = 100;
const longestDelayMs = 10_000;
/** One that ran as long as this has recovered: the next end is a first one. */
const recoveredMs = 60_000;

/** Looks after `first`; each time that it has ended, `launch` starts the next one, ever later while they end at once. */
export function keepRunning(
  first: DaemonProcess,
  launch: () => Promise<DaemonProcess>,
  logger: Logger,
): DaemonKeeper {
  let current = first;
  let restarts = 0;
  const stop = new AbortController();
  const watching = (async () => {
    let delayMs = firstDelayMs;
    let startedAtMs = performance.now();
    for (;;) {
      await pause(pollMs, undefined, { signal: stop.signal, ref: false });
      if (!(await current.exited())) continue;
      if (performance.now() - startedAtMs > recoveredMs) delayMs = firstDelayMs;
      restarts++;
      logger.warn({ pid: current.pid, restarts, delayMs }, "containerd has ended: starting it again");
      await pause(delayMs, undefined, { signal: stop.signal, ref: false });
      delayMs = Math.min(longestDelayMs, delayMs * 2);
      startedAtMs = performance.now();
      try {
        current = await launch();
      } catch (error) {
        logger.error({ error: String(error) }, "containerd could not be started again");
      }
    }
  })().catch((error) => {
    if (!stop.signal.aborted) logger.error({ error: String(error) }, "containerd is no longer looked after");
  });
  return {
    get current() {
      return current;
    },
    get restarts() {
      return restarts;
    },
    close() {
      stop.abort();
      return watching;
    },
  };
}
