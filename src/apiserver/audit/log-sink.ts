import { type AuditSink, formatEvent } from "./event.ts";

/** Where lines go: a file that rotates, or the standard output. */
export interface LogTarget {
  append(lines: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const encoder = new TextEncoder();

/** Writes events as lines, all at once. */
export function logSink({
  target,
  format,
}: {
  readonly target: LogTarget;
  readonly format: "json" | "legacy";
}): AuditSink {
  return {
    write: (events) =>
      target.append(encoder.encode(events.map((event) => formatEvent(event, format)).join(""))),
    close: () => target.close(),
  };
}
