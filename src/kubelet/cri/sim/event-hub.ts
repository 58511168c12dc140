import type { ContainerEvent, EventOptions } from "../runtime.ts";

/** A subscriber that reads too slowly loses what it has not read, and is told to list again. */
const longestQueue = 4096;

/** Hands each event to whoever is subscribed at that moment. */
export class EventHub {
  readonly #subscribers = new Set<(event: ContainerEvent) => void>();

  emit(event: ContainerEvent): void {
    for (const deliver of this.#subscribers) deliver(event);
  }

  async *subscribe({ signal, onReady }: EventOptions): AsyncGenerator<ContainerEvent> {
    let queue: ContainerEvent[] = [];
    let overflowed = false;
    let wake = () => {};
    const deliver = (event: ContainerEvent) => {
      if (queue.length >= longestQueue) {
        queue = [];
        overflowed = true;
      } else queue.push(event);
      wake();
    };
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#subscribers.add(deliver);
    try {
      onReady?.();
      while (!signal.aborted) {
        if (overflowed) {
          overflowed = false;
          onReady?.();
        }
        const event = queue.shift();
        if (event !== undefined) yield event;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#subscribers.delete(deliver);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
