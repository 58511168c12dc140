import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { ContainerRuntime } from "./cri/runtime.ts";
import { computeEvents } from "./pleg.ts";
import { groupByPod, type RuntimePod } from "./runtime-pod.ts";

export interface PlegDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something changed in this pod's containers or sandboxes. */
  readonly changed: (podUid: string) => void;
  /** Every pod the runtime holds, after each relist. */
  readonly listed: (pods: ReadonlyMap<string, RuntimePod>) => void;
}

export interface PlegOptions {
  /** Pause between relists while the runtime's own events flow: a safety net. */
  readonly quietRelistMs?: number;
  /** Pause between relists without them: how late a change may be seen (upstream's generic PLEG: 1 s). */
  readonly relistMs?: number;
}

/**
 * The pod lifecycle event generator: the runtime's events as they come (KEP-3386), and relists as a safety net and where
 * there are no events.
 */
export interface Pleg {
  run(signal: AbortSignal): Promise<void>;
  /** When the last relist succeeded; a node whose PLEG is stuck is not ready. */
  readonly lastRelistMs: number;
}

export function createPleg(dependencies: PlegDependencies, options: PlegOptions = {}): Pleg {
  const { runtime, clock, logger, changed, listed } = dependencies;
  const { quietRelistMs = 30_000, relistMs = 1000 } = options;
  let known: ReadonlyMap<string, RuntimePod> = new Map();
  let lastRelistMs = clock.now();
  let eventsFlow = false;
  let wake: AbortController | undefined;

  async function relist(signal: AbortSignal): Promise<void> {
    const [sandboxes, containers] = await Promise.all([
      runtime.listPodSandboxes(undefined, { signal }),
      runtime.listContainers(undefined, { signal }),
    ]);
    const now = groupByPod(sandboxes, containers);
    const before = known;
    known = now;
    lastRelistMs = clock.now();
    for (const uid of new Set([...before.keys(), ...now.keys()])) {
      if (computeEvents(before.get(uid), now.get(uid)).length > 0) changed(uid);
    }
    listed(now);
  }

  async function followEvents(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const onReady = () => {
          eventsFlow = true;
          wake?.abort();
        };
        for await (const event of runtime.events({ signal, onReady })) {
          const sandboxId = event.podSandboxId ?? event.containerId;
          const uid = podOfSandbox(sandboxId, event.containerId);
          if (uid === undefined) wake?.abort();
          else changed(uid);
        }
      } catch (error) {
        if (signal.aborted) return;
        logger.debug({ error }, "the runtime tells no events; relisting instead");
      }
      eventsFlow = false;
      await sleep(clock, relistMs, { signal }).catch(() => undefined);
    }
  }

  function podOfSandbox(sandboxId: string, containerId: string): string | undefined {
    for (const pod of known.values()) {
      if (pod.sandboxes.some(({ id }) => id === sandboxId)) return pod.uid;
      if (pod.containers.some(({ id }) => id === containerId)) return pod.uid;
    }
    return undefined;
  }

  return {
    get lastRelistMs() {
      return lastRelistMs;
    },
    async run(signal) {
      const events = followEvents(signal);
      while (!signal.aborted) {
        wake = new AbortController();
        try {
          await relist(signal);
        } catch (error) {
          if (!signal.aborted) logger.warn({ error }, "the container runtime could not be listed");
        }
        const pause = AbortSignal.any([signal, wake.signal]);
        await sleep(clock, eventsFlow ? quietRelistMs : relistMs, { signal: pause }).catch(() => undefined);
      }
      await events;
    },
  };
}
