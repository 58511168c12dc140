/** Something that holds bytes it can make again. */
export interface BytesHolder {
  /** False: used since it was last asked, so it keeps them for another round. */
  dropBytes(): boolean;
}

/** 256 kB of 64 MB: what is written while a watcher waits for its turn. More would grow old for nothing. */
const briefPart = 256;

/**
 * Bounds the encoded bytes that caches keep beside their objects; one budget for a process. The oldest go first, with a
 * second chance for those that were used again (the clock algorithm).
 */
export class ByteBudget {
  readonly #limitBytes: number;
  #brief: ByteBudget | undefined;
  #usedBytes = 0;
  #queue: { readonly holder: BytesHolder; readonly bytes: number }[] = [];
  #head = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** A small part of it, for bytes that are wanted at once or never. */
  get brief(): ByteBudget {
    this.#brief ??= new ByteBudget(this.#limitBytes / briefPart);
    return this.#brief;
  }

  /** Whether these bytes can be kept beside what is there, with half of the budget left to those who are used again and again. */
  hasRoomFor(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#limitBytes / 2;
  }

  /** `holder` has just made this many bytes. Others may lose theirs; bytes handed out before stay valid. */
  charge(holder: BytesHolder, bytes: number): void {
    this.#queue.push({ holder, bytes });
    this.#usedBytes += bytes;
    // Each holder is passed over at most once a call, so this ends.
    for (let left = this.#queue.length - this.#head; this.#usedBytes > this.#limitBytes && left > 0; left--)
      this.#considerOldest();
  }

  #considerOldest(): void {
    const oldest = this.#queue[this.#head++];
    if (oldest === undefined) return;
    if (oldest.holder.dropBytes()) this.#usedBytes -= oldest.bytes;
    else this.#queue.push(oldest);
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}
