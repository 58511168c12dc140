import type { KeyRange } from "../../storage/storage.ts";
import type { CachedObject } from "./cached-object.ts";

/** What is known of a resource's objects without looking at them all. */
export interface CacheStats {
  readonly objectCount: number;
  /** Of their JSON; 0: unknown. */
  readonly averageBytes: number;
}

const sampleSize = 4;
/** The sample is taken anew when there are so many times as many objects, or so many times fewer. */
const sampleFactor = 1.5;

/** Objects in the order of their keys. */
interface SortedObjects {
  visit(start: string, end: string, visit: (cached: CachedObject) => boolean): void;
  count(start: string, end: string): number;
}

/** How large a resource's objects are on average, from a few of them. */
export class ObjectSizes {
  #sampledCount = 0;
  #averageBytes = 0;

  stats(objects: SortedObjects, { start, end = start }: KeyRange): CacheStats {
    const objectCount = objects.count(start, end);
    if (objectCount > this.#sampledCount * sampleFactor || objectCount * sampleFactor < this.#sampledCount) {
      this.#sampledCount = objectCount;
      this.#averageBytes = averageBytes(objects, start, end);
    }
    return { objectCount, averageBytes: this.#averageBytes };
  }
}

function averageBytes(objects: SortedObjects, start: string, end: string): number {
  let count = 0;
  let bytes = 0;
  objects.visit(start, end, (cached) => {
    count++;
    bytes += cached.bytes().length;
    return count < sampleSize;
  });
  return count === 0 ? 0 : Math.ceil(bytes / count);
}
