import type { Pod } from "../../api/core/types.generated.ts";
import { type Clock, rfc3339, sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { HostFiles } from "../host/host.ts";
import { staticPod } from "./static-pod.ts";

export interface StaticPodSourceDependencies {
  readonly files: HostFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly directory: string;
  readonly nodeName: string;
  readonly changed: (pods: readonly Pod[]) => void;
}

/** Upstream's fileCheckFrequency. */
const pollMs = 20_000;
const maxManifestBytes = 1024 * 1024;

/** Pods from manifests (YAML or JSON) in a directory of the node; one that cannot be read keeps out of the way. */
export class StaticPodSource {
  readonly #dependencies: StaticPodSourceDependencies;
  /** What became of each file's text, so that an unchanged one stays the same pod. */
  #known = new Map<string, { readonly text: string; readonly pod: Pod | undefined }>();

  constructor(dependencies: StaticPodSourceDependencies) {
    this.#dependencies = dependencies;
  }

  get pods(): readonly Pod[] {
    return [...this.#known.values()].flatMap(({ pod }) => (pod === undefined ? [] : [pod]));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies;
    while (!signal.aborted) {
      await sleep(clock, pollMs, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.poll();
    }
  }

  /** Reads the directory; tells when something in it changed. */
  async poll(): Promise<void> {
    const { files, directory, changed } = this.#dependencies;
    const before = this.#known;
    const now: typeof before = new Map();
    for (const name of (await files.listDirectory(directory)).toSorted()) {
      if (name.startsWith(".")) continue;
      const text = await files.readTail(`${directory}/${name}`, maxManifestBytes);
      if (text === undefined) continue;
      const known = before.get(name);
      now.set(name, known?.text === text ? known : { text, pod: await this.#parse(name, text) });
    }
    this.#known = now;
    const same = now.size === before.size && [...now].every(([name, entry]) => before.get(name) === entry);
    if (!same) changed(this.pods);
  }

  async #parse(file: string, text: string): Promise<Pod | undefined> {
    const { clock, logger, nodeName } = this.#dependencies;
    try {
      const { parse } = await import("yaml");
      return staticPod(parse(text), file, nodeName, rfc3339(clock.now()));
    } catch (error) {
      logger.warn({ error, file }, "a static pod's manifest cannot be used");
      return undefined;
    }
  }
}
