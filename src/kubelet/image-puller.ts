import type { Pod } from "../api/core/types.generated.ts";
import { formatDuration } from "../apimachinery/protobuf/duration.ts";
import type { Clock } from "../base/clock.ts";
import type { StartFailure } from "./container-statuses.ts";
import { ImagePullError } from "./cri/cri-error.ts";
import type { Image, ImageService, RegistryAuth } from "./cri/runtime.ts";
import { canonicalImage, parseImageReference } from "./image-reference.ts";
import type { PodEvents } from "./pod-events.ts";
import { RestartBackoff } from "./restart-backoff.ts";

/** A container could not be started; what its status shows, and when it is worth another try. */
export class StartError extends Error {
  readonly failure: StartFailure;
  readonly retryAfterMs: number | undefined;

  constructor(failure: StartFailure, retryAfterMs?: number) {
    super(`${failure.reason}: ${failure.message}`);
    this.name = "StartError";
    this.failure = failure;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface ImagePullerDependencies {
  readonly images: ImageService;
  readonly clock: Clock;
  readonly events: PodEvents;
  /** The credentials for an image, best first: the pod's pull secrets, then the node's own. */
  readonly credentials: (pod: Pod, registry: string) => Promise<readonly RegistryAuth[]>;
  /** How many pulls may run at once. */
  readonly maxParallelPulls: number;
}

export interface PresentImage {
  readonly image: Image;
  readonly ref: string;
}

/** What needs an image: a container, by its name, or a volume of the pod. */
export interface ImageUser {
  readonly name?: string;
  readonly image?: string;
  readonly imagePullPolicy?: string;
}

/** Makes images present before containers start. */
export class ImagePuller {
  readonly #dependencies: ImagePullerDependencies;
  readonly #backoff: RestartBackoff;
  readonly #failedAt = new Map<string, { atMs: number; failure: StartFailure }>();
  readonly #pulls: <T>(task: () => Promise<T>) => Promise<T>;

  constructor(dependencies: ImagePullerDependencies) {
    this.#dependencies = dependencies;
    this.#backoff = new RestartBackoff(dependencies.clock);
    this.#pulls = limitConcurrency(dependencies.maxParallelPulls);
  }

  /** Makes sure the image is there, by its pull policy. Throws StartError. */
  async ensure(pod: Pod, container: ImageUser, signal: AbortSignal): Promise<PresentImage> {
    const { images, events } = this.#dependencies;
    const name = container.image ?? "";
    const full = canonicalImage(name);
    if (full === undefined) {
      const message = `Failed to apply default image tag "${name}": couldn't parse image name "${name}": invalid reference format`;
      events.warning(pod, "InspectFailed", message, container.name);
      throw new StartError({ reason: "InvalidImageName", message });
    }
    const policy = container.imagePullPolicy ?? "IfNotPresent";
    const present = await images.imageStatus(full, { signal });
    if (present !== undefined && policy !== "Always") {
      events.normal(pod, "Pulled", `Container image "${name}" already present on machine`, container.name);
      return { image: present, ref: present.id };
    }
    if (policy === "Never") {
      const message = `Container image "${name}" is not present with pull policy of Never`;
      events.warning(pod, "ErrImageNeverPull", message, container.name);
      throw new StartError({ reason: "ErrImageNeverPull", message });
    }
    this.#holdBack(pod, container, name, full);
    return this.#pull(pod, container, name, full, signal);
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}/`);
    for (const key of this.#failedAt.keys()) if (key.startsWith(`${podUid}/`)) this.#failedAt.delete(key);
  }

  #holdBack(pod: Pod, container: ImageUser, name: string, full: string): void {
    const key = `${pod.metadata.uid}/${full}`;
    const last = this.#failedAt.get(key);
    const remainingMs = last === undefined ? 0 : this.#backoff.remainingMs(key, last.atMs);
    if (last === undefined || remainingMs === 0) return;
    const shownForMs = last.atMs + shownFailureMs - this.#dependencies.clock.now();
    if (shownForMs > 0) throw new StartError(last.failure, shownForMs);
    const message = `Back-off pulling image "${name}": ${last.failure.reason}: ${last.failure.message}`;
    this.#dependencies.events.normal(pod, "BackOff", `Back-off pulling image "${name}"`, container.name);
    throw new StartError({ reason: "ImagePullBackOff", message }, remainingMs);
  }

  async #pull(
    pod: Pod,
    container: ImageUser,
    name: string,
    full: string,
    signal: AbortSignal,
  ): Promise<PresentImage> {
    const { clock, events } = this.#dependencies;
    const key = `${pod.metadata.uid}/${full}`;
    events.normal(pod, "Pulling", `Pulling image "${name}"`, container.name);
    const waitingSinceMs = clock.now();
    try {
      const { startedAtMs, image } = await this.#pulls(async () => ({
        startedAtMs: clock.now(),
        image: await this.#pullWithCredentials(pod, full, signal),
      }));
      const took = (sinceMs: number) => formatDuration(Math.round(clock.now() - sinceMs) * 1e6);
      const message = `Successfully pulled image "${name}" in ${took(startedAtMs)} (${took(waitingSinceMs)} including waiting). Image size: ${image.sizeBytes} bytes.`;
      events.normal(pod, "Pulled", message, container.name);
      this.#backoff.reset(key);
      this.#failedAt.delete(key);
      return { image, ref: image.id };
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = pullFailure(error);
      events.warning(pod, "Failed", `Failed to pull image "${name}": ${failure.message}`, container.name);
      events.warning(pod, "Failed", `Error: ${failure.reason}`, container.name);
      this.#backoff.grow(key);
      this.#failedAt.set(key, { atMs: clock.now(), failure });
      throw new StartError(failure, shownFailureMs);
    }
  }

  /** Tries each credential in turn; without any, anonymously. */
  async #pullWithCredentials(pod: Pod, full: string, signal: AbortSignal): Promise<Image> {
    const { images, credentials } = this.#dependencies;
    const auths = await credentials(pod, parseImageReference(full)?.registry ?? "");
    let lastError: unknown;
    for (const auth of auths.length === 0 ? [undefined] : auths) {
      try {
        const ref = await images.pullImage(full, auth === undefined ? { signal } : { signal, auth });
        const image = await images.imageStatus(ref, { signal });
        if (image !== undefined) return image;
        lastError = new ImagePullError("ErrImagePull", "NotFound", `image "${full}" vanished after its pull`);
      } catch (error) {
        lastError = error;
      }
    }
    throw lastError;
  }
}

/** How long a failed pull is shown as such before it is shown as held back (upstream: until the next sync). */
const shownFailureMs = 5000;

function pullFailure(error: unknown): StartFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ImagePullError)) return { reason: "ErrImagePull", message };
  // As gRPC for Go prints it; a code that says nothing is left out there, too.
  const code = error.code === "Unknown" ? "" : `rpc error: code = ${error.code} desc = `;
  return { reason: error.reason, message: `${code}${message}` };
}

/** Runs at most `limit` tasks at once, the rest in the order they came. */
function limitConcurrency(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await task();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
