/** The server's side of a measurement: the load generator asks over the process's own channel. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ServerFigures, ServerQuestion } from "./figures.ts";

const megabyte = 1024 * 1024;

/** Answers questions until the parent goes away. */
export function answerQuestions(): void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  let startedAt = 0;
  let cpu = process.cpuUsage();
  let rssStart = 0;
  let rssPeak = 0;
  let sampling: NodeJS.Timeout | undefined;
  const sample = () => {
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
  };
  const figures = (): ServerFigures => {
    sample();
    const { user, system } = process.cpuUsage(cpu);
    return {
      wallMs: performance.now() - startedAt,
      cpuMs: (user + system) / 1000,
      loopDelayP50Ms: delay.percentile(50) / 1e6,
      loopDelayP99Ms: delay.percentile(99) / 1e6,
      loopDelayMaxMs: delay.max / 1e6,
      rssStartMb: rssStart / megabyte,
      rssPeakMb: rssPeak / megabyte,
      heapUsedMb: process.memoryUsage().heapUsed / megabyte,
    };
  };
  process.on("message", (question: ServerQuestion) => {
    if (question === "memory") {
      globalThis.gc?.();
      rssStart = process.memoryUsage.rss();
      rssPeak = 0;
    } else if (question === "begin") {
      startedAt = performance.now();
      cpu = process.cpuUsage();
      rssStart = process.memoryUsage.rss();
      rssPeak = rssStart;
      delay.reset();
      delay.enable();
      sampling = setInterval(sample, 25);
    } else {
      clearInterval(sampling);
      delay.disable();
    }
    process.send?.(figures());
  });
}
