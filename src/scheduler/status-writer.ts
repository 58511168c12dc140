import type { Pod, PodCondition } from "../api/core/types.generated.ts";
import { pods } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { FifoMap } from "../base/fifo-map.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../client/client.ts";

/** What a failed attempt leaves in the pod's status. */
export interface StatusChange {
  readonly condition?: PodCondition;
  /** "" withdraws a nomination. */
  readonly nominatedNodeName?: string;
}

const statusConcurrency = 16;
const waitingLimit = 10_000;

/**
 * Writes the statuses of pods that could not be scheduled, beside the scheduling cycle: a bounded number at once, one at a
 * time for a pod, and of several changes to one pod the last.
 */
export class StatusWriter {
  readonly #client: Pick<Client, "patch">;
  readonly #logger: Logger;
  readonly #waiting = new FifoMap<string, { readonly pod: Pod; readonly change: StatusChange }>();
  readonly #writing = new Set<string>();
  #signal: AbortSignal | undefined;

  constructor(client: Pick<Client, "patch">, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
  }

  write(pod: Pod, change: StatusChange): void {
    const uid = pod.metadata.uid ?? "";
    const earlier = this.#waiting.get(uid)?.change;
    this.#waiting.delete(uid);
    this.#waiting.set(uid, { pod, change: { ...earlier, ...change } });
    // The oldest is told again with its next attempt.
    if (this.#waiting.size > waitingLimit) this.#waiting.shift();
    this.#pump();
  }

  /** A pod that was bound or is gone has nothing to be told. */
  cancel(uid: string): void {
    this.#waiting.delete(uid);
  }

  #pump(): void {
    for (const [uid, { pod, change }] of this.#waiting.entries()) {
      if (this.#writing.size >= statusConcurrency || this.#signal?.aborted) return;
      if (this.#writing.has(uid)) continue;
      this.#waiting.delete(uid);
      this.#writing.add(uid);
      void this.#patch(pod, change).finally(() => {
        this.#writing.delete(uid);
        this.#pump();
      });
    }
  }

  async #patch(pod: Pod, { condition, nominatedNodeName }: StatusChange): Promise<void> {
    const { namespace = "", name = "", uid } = pod.metadata;
    const patch = {
      metadata: { uid },
      status: {
        ...(condition === undefined ? {} : { conditions: [condition] }),
        ...(nominatedNodeName === undefined ? {} : { nominatedNodeName: nominatedNodeName || null }),
      },
    };
    try {
      await this.#client.patch(
        pods,
        { namespace, name },
        { type: "strategic", patch },
        { subresource: "status", ...(this.#signal === undefined ? {} : { signal: this.#signal }) },
      );
    } catch (error) {
      if (this.#signal?.aborted || isApiError(error, "NotFound") || isApiError(error, "Conflict")) return;
      this.#logger.warn({ pod: `${namespace}/${name}`, err: error }, "a pod's status could not be written");
    }
  }
}
