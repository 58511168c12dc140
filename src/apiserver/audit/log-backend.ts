import type { Logger } from "../../base/log.ts";
import { type AuditBackend, type AuditEvent, formatEvent } from "./event.ts";

/** Where lines go: a file that rotates, or the standard output. */
export interface LogTarget {
  append(lines: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface LogBackendOptions {
  readonly target: LogTarget;
  readonly format: "json" | "legacy";
  readonly logger: Logger;
  /** What may wait for the disk; more is lost, and said so. Default 64 MB. */
  readonly maxWaitingBytes?: number;
}

const defaultMaxWaitingBytes = 64 * 1024 * 1024;
const encoder = new TextEncoder();

/** Writes events as lines, those of the same moment together; requests do not wait for the disk. */
export function logBackend(options: LogBackendOptions): AuditBackend {
  return new LogBackend(options);
}

class LogBackend implements AuditBackend {
  readonly #options: LogBackendOptions;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #writing: Promise<void> | undefined;

  constructor(options: LogBackendOptions) {
    this.#options = options;
  }

  process(event: AuditEvent): void {
    const { format, maxWaitingBytes = defaultMaxWaitingBytes } = this.#options;
    const line = formatEvent(event, format);
    if (this.#waitingBytes + line.length > maxWaitingBytes) {
      this.#lost++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#write();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#options.target.close();
  }

  async #write(): Promise<void> {
    const { target, logger } = this.#options;
    // Events of the same turn of the event loop share the first write too.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = encoder.encode(this.#waiting.join(""));
      const events = this.#waiting.length;
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        await target.append(lines);
      } catch (error) {
        logger.error({ error: String(error), events }, "audit events could not be written");
      }
      if (this.#lost > 0) logger.error({ events: this.#lost }, "audit events were lost: the log is too slow");
      this.#lost = 0;
    }
    this.#writing = undefined;
  }
}
