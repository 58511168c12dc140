/** Now, by this process's own clock, in 16 characters. */
export function stamp(): string {
  return performance.now().toFixed(6).padStart(16, "0").slice(0, 16);
}

/** Counts the frames that carry a stamp, and how old they were when they came. */
export class Ages {
  frames = 0;
  values: number[] = [];
  #measuring = false;
  readonly #marker: Buffer;

  constructor(binary: boolean) {
    // In protobuf: the key of a map's entry, then the tag of its value and its length.
    this.#marker = Buffer.from(binary ? "sentAt\x12\x10" : '"sentAt":"');
  }

  begin(): void {
    this.#measuring = true;
  }

  readonly read = (chunk: Buffer): void => {
    if (!this.#measuring) return;
    const now = performance.now();
    const marker = this.#marker;
    for (let at = chunk.indexOf(marker); at >= 0; at = chunk.indexOf(marker, at + marker.length)) {
      this.frames++;
      const value = chunk.toString("latin1", at + marker.length, at + marker.length + 16);
      if (value.length === 16) this.values.push(now - Number(value));
    }
  };
}
