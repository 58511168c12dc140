import { destination, pino } from "pino";
import type { Logger } from "../base/log.ts";

/** Structured JSON lines into a file. Errors are written with their stacks; nothing that looks like a credential is. */
export function fileLogger(path: string, level: string): Logger & { flush(): void } {
  const stream = destination({ dest: path, sync: false, mkdir: true });
  const logger = pino(
    {
      level,
      base: null,
      serializers: { error: pino.stdSerializers.err },
      redact: {
        paths: [
          "token",
          "*.token",
          "password",
          "*.password",
          "authorization",
          "*.authorization",
          "key",
          "*.key",
        ],
        remove: true,
      },
    },
    stream,
  );
  return Object.assign(logger, {
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // Not open yet: nothing was written.
      }
    },
  });
}
