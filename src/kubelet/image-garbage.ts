import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { ContainerRuntime, Image, ImageService } from "./cri/runtime.ts";
import type { HostFiles } from "./host/host.ts";

export interface ImageGarbageDependencies {
  readonly images: ImageService;
  readonly runtime: ContainerRuntime;
  readonly files: HostFiles;
  /** Images that pods have as volumes, by name: the runtime tells of containers' own only. */
  readonly mounted?: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ImageGarbageOptions {
  /** Percent of the images' file system in use at which images are removed; upstream: 85. */
  readonly highPercent?: number;
  /** Down to this; upstream: 80. */
  readonly lowPercent?: number;
  /** Younger images are spared; upstream: 2 minutes. */
  readonly minAgeMs?: number;
}

const periodMs = 300_000;

interface ImageRecord {
  readonly firstSeenMs: number;
  lastUsedMs: number;
}

/** Removes images that nothing uses when the disk fills up, those unused for longest first (upstream's image GC). */
export class ImageGarbageCollector {
  readonly #dependencies: ImageGarbageDependencies;
  readonly #options: Required<ImageGarbageOptions>;
  readonly #records = new Map<string, ImageRecord>();

  constructor(dependencies: ImageGarbageDependencies, options: ImageGarbageOptions = {}) {
    this.#dependencies = dependencies;
    this.#options = { highPercent: 85, lowPercent: 80, minAgeMs: 120_000, ...options };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#dependencies;
    while (!signal.aborted) {
      try {
        await this.collect();
      } catch (error) {
        if (!signal.aborted) logger.warn({ error }, "images could not be collected");
      }
      await sleep(clock, periodMs, { signal }).catch(() => undefined);
    }
  }

  /** One look. Resolves to the bytes that were to be freed and were not. */
  async collect(): Promise<number> {
    const { images, files, logger } = this.#dependencies;
    const unused = await this.#unusedImages();
    const [filesystem] = (await images.imageFsInfo()).imageFilesystems;
    if (filesystem === undefined) return 0;
    const { capacityBytes, availableBytes } = await files.diskSpace(filesystem.mountpoint);
    const usedPercent = 100 * (1 - availableBytes / capacityBytes);
    const { highPercent, lowPercent } = this.#options;
    if (capacityBytes === 0 || usedPercent < highPercent) return 0;
    const wanted = (capacityBytes * (100 - lowPercent)) / 100 - availableBytes;
    const missing = await this.#free(unused, wanted);
    if (missing > 0) {
      const message = "the disk is filling up and no further image can be removed";
      logger.warn({ usedPercent: Math.round(usedPercent), missingBytes: Math.round(missing) }, message);
    }
    return Math.max(0, missing);
  }

  async #free(unused: readonly Image[], wantedBytes: number): Promise<number> {
    const { images, logger } = this.#dependencies;
    let missing = wantedBytes;
    for (const { id, sizeBytes, repoTags } of unused) {
      if (missing <= 0) break;
      await images.removeImage(id);
      this.#records.delete(id);
      missing -= sizeBytes;
      logger.info({ image: repoTags[0] ?? id, sizeBytes }, "image removed: the disk is filling up");
    }
    return missing;
  }

  /** Those that may go, the one unused for longest first. */
  async #unusedImages(): Promise<Image[]> {
    const { images, runtime, clock, mounted = () => [] } = this.#dependencies;
    const [all, containers] = await Promise.all([images.listImages(), runtime.listContainers()]);
    const used = new Set([
      ...containers.flatMap(({ imageId, imageRef, image }) => [imageId, imageRef, image]),
      ...mounted(),
    ]);
    const now = clock.now();
    const isUsed = ({ id, repoDigests, repoTags }: Image) =>
      [id, ...repoDigests, ...repoTags].some((name) => used.has(name));
    for (const image of all) {
      const record = this.#records.get(image.id) ?? { firstSeenMs: now, lastUsedMs: 0 };
      if (isUsed(image)) record.lastUsedMs = now;
      this.#records.set(image.id, record);
    }
    const ids = new Set(all.map(({ id }) => id));
    for (const id of this.#records.keys()) if (!ids.has(id)) this.#records.delete(id);
    const record = (image: Image) => this.#records.get(image.id) ?? { firstSeenMs: now, lastUsedMs: now };
    return all
      .filter(
        (image) =>
          !image.pinned && !isUsed(image) && now - record(image).firstSeenMs >= this.#options.minAgeMs,
      )
      .sort(
        (a, b) =>
          record(a).lastUsedMs - record(b).lastUsedMs || record(a).firstSeenMs - record(b).firstSeenMs,
      );
  }
}
