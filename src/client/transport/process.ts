import type { Logger } from "../../base/log.ts";

/**
 * Aborts at the first SIGTERM or SIGINT: a manager then stops in order. A second one ends the process at once, with exit
 * code 1 (controller-runtime's SetupSignalHandler).
 */
export function terminationSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (name: string) => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort(new Error(`received ${name}`));
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return stop.signal;
}

const levels = ["debug", "info", "warn", "error"] as const;

/** Logs as lines of JSON on standard error: time, level, msg, then the fields. "info" and above unless said. */
export function consoleLogger(options: { readonly level?: (typeof levels)[number] } = {}): Logger {
  const least = levels.indexOf(options.level ?? "info");
  const loggerOf = (context: object): Logger => {
    const at = (level: (typeof levels)[number]) => (fields: object, message: string) => {
      if (levels.indexOf(level) < least) return;
      const line = { time: new Date().toISOString(), level, msg: message, ...context, ...fields };
      process.stderr.write(`${JSON.stringify(line, withErrors)}\n`);
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => loggerOf({ ...context, ...fields }),
    };
  };
  return loggerOf({});
}

function withErrors(_name: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
