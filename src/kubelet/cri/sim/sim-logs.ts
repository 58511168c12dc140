import type { Clock } from "../../../base/clock.ts";

/** A container that logs without end keeps its newest lines. */
const longestLog = 10_000;

/** Simulated log files, in CRI's format, by path. */
export class SimLogs {
  readonly #clock: Clock;
  readonly #lines = new Map<string, string[]>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  append(path: string, stream: "stdout" | "stderr", text: string): void {
    if (path === "" || text === "") return;
    const lines = this.#lines.get(path) ?? [];
    this.#lines.set(path, lines);
    const stamp = new Date(this.#clock.now()).toISOString().replace("Z", "000000Z");
    for (const line of text.replace(/\n$/, "").split("\n")) lines.push(`${stamp} ${stream} F ${line}`);
    if (lines.length > longestLog) lines.splice(0, lines.length - longestLog);
    this.#tell(path);
  }

  /** Resolves when something is written next, or it is gone. */
  changed(path: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(path, [...(this.#waiting.get(path) ?? []), resolve]);
    return promise;
  }

  #tell(path: string): void {
    for (const resolve of this.#waiting.get(path) ?? []) resolve();
    this.#waiting.delete(path);
  }

  /** The whole file; undefined where there is none. */
  read(path: string): string | undefined {
    const lines = this.#lines.get(path);
    return lines === undefined ? undefined : lines.map((line) => `${line}\n`).join("");
  }

  remove(path: string): void {
    this.#lines.delete(path);
    this.#tell(path);
  }
}
