import { readFile, stat } from "node:fs/promises";

const freshMs = 60_000;

/**
 * A file that something else replaces: read again when it has changed, which is looked at once a minute. While it cannot be
 * read, what was read last is good (client-go's file token source).
 */
export class RotatingFile {
  readonly #path: string;
  readonly #isWhole: (text: string) => boolean;
  #text: Promise<string> | undefined;
  #modifiedMs = 0;
  #checkedMs = 0;

  /** What is not whole, as a file half written, does not take the place of what was read before. */
  constructor(path: string, isWhole: (text: string) => boolean = () => true) {
    this.#path = path;
    this.#isWhole = isWhole;
  }

  read(): Promise<string> {
    const nowMs = Date.now();
    if (this.#text === undefined || nowMs - this.#checkedMs >= freshMs) {
      this.#checkedMs = nowMs;
      this.#text = this.#refresh(this.#text);
    }
    return this.#text;
  }

  /** True if there was something cached to forget. */
  expire(): boolean {
    const cached = this.#text !== undefined;
    this.#checkedMs = 0;
    this.#modifiedMs = 0;
    return cached;
  }

  async #refresh(last: Promise<string> | undefined): Promise<string> {
    try {
      const { mtimeMs } = await stat(this.#path);
      if (last !== undefined && mtimeMs === this.#modifiedMs) return await last;
      const text = await readFile(this.#path, "utf8");
      if (!this.#isWhole(text)) throw new Error("it is empty, or only partly written");
      this.#modifiedMs = mtimeMs;
      return text;
    } catch (error) {
      // Looked at again by the next reader: a file that is being replaced is absent for a moment only.
      this.#checkedMs = 0;
      if (last !== undefined) return last;
      this.#text = undefined;
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`cannot read ${this.#path}: ${why}`, { cause: error });
    }
  }
}
