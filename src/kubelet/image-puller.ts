import type { Container, EphemeralContainer, Pod } from "../api/core/types.generated.ts";
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

export interface ImagePuller {
  /** Makes sure the container's image is there, by its pull policy. Throws StartError. */
  ensure(pod: Pod, container: Container | EphemeralContainer, signal: AbortSignal): Promise<PresentImage>;
  forget(podUid: string): void;
}

export function createImagePuller(dependencies: ImagePullerDependencies): ImagePuller {
  const { images, clock, events, credentials } = dependencies;
  const backoff = new RestartBackoff(clock);
  const failedAt = new Map<string, { atMs: number; failure: StartFailure }>();
  const pulls = limitConcurrency(dependencies.maxParallelPulls);

  async function ensure(
    pod: Pod,
    container: Container | EphemeralContainer,
    signal: AbortSignal,
  ): Promise<PresentImage> {
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
    return pull(pod, container, name, full, signal);
  }

  async function pull(
    pod: Pod,
    container: Container | EphemeralContainer,
    name: string,
    full: string,
    signal: AbortSignal,
  ): Promise<PresentImage> {
    const key = `${pod.metadata.uid}/${full}`;
    const last = failedAt.get(key);
    const remainingMs = last === undefined ? 0 : backoff.remainingMs(key, last.atMs);
    if (last !== undefined && remainingMs > 0) {
      const message = `Back-off pulling image "${name}": ${last.failure.reason}: ${last.failure.message}`;
      events.normal(pod, "BackOff", `Back-off pulling image "${name}"`, container.name);
      throw new StartError({ reason: "ImagePullBackOff", message }, remainingMs);
    }
    events.normal(pod, "Pulling", `Pulling image "${name}"`, container.name);
    const waitingSinceMs = clock.now();
    try {
      return await pulls(async () => {
        const startedAtMs = clock.now();
        const ref = await pullWithCredentials(pod, full, signal);
        const image = await images.imageStatus(ref, { signal });
        if (image === undefined)
          throw new ImagePullError("ErrImagePull", "NotFound", `image "${name}" vanished after its pull`);
        const took = (sinceMs: number) => `${((clock.now() - sinceMs) / 1000).toFixed(3)}s`;
        const message = `Successfully pulled image "${name}" in ${took(startedAtMs)} (${took(waitingSinceMs)} including waiting). Image size: ${image.sizeBytes} bytes.`;
        events.normal(pod, "Pulled", message, container.name);
        backoff.reset(key);
        failedAt.delete(key);
        return { image, ref: image.id };
      });
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = pullFailure(error, name);
      events.warning(pod, "Failed", `Failed to pull image "${name}": ${failure.message}`, container.name);
      events.warning(pod, "Failed", `Error: ${failure.reason}`, container.name);
      backoff.grow(key);
      failedAt.set(key, { atMs: clock.now(), failure });
      throw new StartError(failure, backoff.delayMs(key));
    }
  }

  /** Tries each credential in turn; without any, anonymously. */
  async function pullWithCredentials(pod: Pod, full: string, signal: AbortSignal): Promise<string> {
    const auths = await credentials(pod, parseImageReference(full)?.registry ?? "");
    if (auths.length === 0) return images.pullImage(full, { signal });
    let lastError: unknown;
    for (const auth of auths) {
      try {
        return await images.pullImage(full, { signal, auth });
      } catch (error) {
        lastError = error;
      }
    }
    throw lastError;
  }

  return {
    ensure,
    forget(podUid) {
      backoff.forget(`${podUid}/`);
      for (const key of failedAt.keys()) if (key.startsWith(`${podUid}/`)) failedAt.delete(key);
    },
  };
}

function pullFailure(error: unknown, name: string): StartFailure {
  const message = error instanceof Error ? error.message : String(error);
  const reason = error instanceof ImagePullError ? error.reason : "ErrImagePull";
  return { reason, message: `failed to pull image "${name}": ${message}` };
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
