const maxRetryAfterSeconds = 32;

interface Second {
  readonly second: number;
  readonly dropped: number;
}

/** How long those who are turned away from a level are told to wait: longer while many are, shorter as they get fewer. */
export class RetryAfter {
  #seconds = 1;
  #changedAt = 0;
  #current = 0;
  #dropped = 0;
  #history: Second[] = [];

  get seconds(): number {
    return this.#seconds;
  }

  /** A request was turned away. */
  note(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#current) {
      this.#dropped++;
      return;
    }
    this.#remember();
    this.#current = second;
    this.#dropped = 1;
    this.#adjust(second);
  }

  #remember(): void {
    this.#history.push({ second: this.#current, dropped: this.#dropped });
    const span = Math.min(2 * this.#seconds, maxRetryAfterSeconds);
    this.#history = this.#history.filter(({ second }) => this.#current - second <= span);
  }

  #adjust(now: number): void {
    let dropped = 0;
    for (const { second, dropped: count } of this.#history)
      if (now - second <= this.#seconds && second < now) dropped += count;
    if (now - this.#changedAt >= this.#seconds && dropped >= 3 * this.#seconds) {
      this.#seconds = Math.min(2 * this.#seconds, maxRetryAfterSeconds);
      this.#changedAt = now;
    } else if (dropped < this.#seconds && this.#seconds > 1) this.#seconds--;
  }
}
