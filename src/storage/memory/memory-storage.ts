import type { Clock } from "../../base/clock.ts";
import { EmbeddedStorage } from "../embedded/embedded-storage.ts";
import type { Storage } from "../storage.ts";

/** A store without I/O, for tests, simulation and clusters that may forget. Values are never encoded. */
export function createMemoryStorage(options: {
  readonly clock: Clock;
  /** Past states kept for reads and watches from a revision, however little is compacted. */
  readonly historyLimit?: number;
}): Storage {
  return new EmbeddedStorage(options);
}
