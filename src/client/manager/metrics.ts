import type { RequestObserver } from "../rest-client.ts";
import type { WorkQueueMetrics } from "../work-queue.ts";
import type { WorkersMetrics } from "../workers.ts";

/**
 * What a manager tells whoever keeps metrics. `prometheusMetrics` keeps them under controller-runtime's and client-go's
 * names; all calls are cheap and never throw.
 */
export interface ManagerMetrics {
  readonly request: RequestObserver;
  queue(name: string): WorkQueueMetrics;
  controller(name: string, concurrency: number): WorkersMetrics;
  leader(lease: string, isLeader: boolean): void;
  /** The text of a scrape, and its content type. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
}
