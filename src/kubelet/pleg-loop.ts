import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { ContainerEvent, ContainerRuntime } from "./cri/runtime.ts";
import { computeEvents } from "./pleg.ts";
import { groupByPod, type RuntimePod, runtimeLabels } from "./runtime-pod.ts";

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
export class Pleg {
  readonly #dependencies: PlegDependencies;
  readonly #quietRelistMs: number;
  readonly #relistMs: number;
  #known: ReadonlyMap<string, RuntimePod> = new Map();
  /** The pod of each sandbox and container, by id. */
  #podOf = new Map<string, string>();
  #lastRelistMs: number;
  #eventsFlow = false;
  #wake = new AbortController();

  constructor(dependencies: PlegDependencies, options: PlegOptions = {}) {
    this.#dependencies = dependencies;
    this.#quietRelistMs = options.quietRelistMs ?? 30_000;
    this.#relistMs = options.relistMs ?? 1000;
    this.#lastRelistMs = dependencies.clock.now();
  }

  /** When the last relist succeeded; a node whose PLEG is stuck is not ready. */
  get lastRelistMs(): number {
    return this.#lastRelistMs;
  }

  /** Every pod the runtime held at the last relist. */
  get listing(): ReadonlyMap<string, RuntimePod> {
    return this.#known;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const events = this.#followEvents(signal);
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        await this.#relist(signal);
      } catch (error) {
        if (!signal.aborted) logger.warn({ error }, "the container runtime could not be listed");
      }
      const pause = AbortSignal.any([signal, this.#wake.signal]);
      const pauseMs = this.#eventsFlow ? this.#quietRelistMs : this.#relistMs;
      await sleep(clock, pauseMs, { signal: pause }).catch(() => undefined);
    }
    await events;
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { runtime, clock, changed, listed } = this.#dependencies;
    const [sandboxes, containers] = await Promise.all([
      runtime.listPodSandboxes(undefined, { signal }),
      runtime.listContainers(undefined, { signal }),
    ]);
    const now = groupByPod(sandboxes, containers);
    const before = this.#known;
    this.#known = now;
    this.#lastRelistMs = clock.now();
    this.#podOf = new Map();
    for (const { uid, sandboxes: own, containers: running } of now.values())
      for (const { id } of [...own, ...running]) this.#podOf.set(id, uid);
    for (const uid of new Set([...before.keys(), ...now.keys()]))
      if (computeEvents(before.get(uid), now.get(uid)).length > 0) changed(uid);
    listed(now);
  }

  async #followEvents(signal: AbortSignal): Promise<void> {
    const { runtime, clock, logger } = this.#dependencies;
    const onReady = () => {
      this.#eventsFlow = true;
      this.#wake.abort();
    };
    while (!signal.aborted) {
      try {
        for await (const event of runtime.events({ signal, onReady })) await this.#tell(event, signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.debug({ error }, "the runtime tells no events; relisting instead");
      }
      this.#eventsFlow = false;
      await sleep(clock, this.#relistMs, { signal }).catch(() => undefined);
    }
  }

  /** What is new since the last listing is asked for its pod: no need to list all the others. */
  async #tell({ type, containerId, podSandboxId }: ContainerEvent, signal: AbortSignal): Promise<void> {
    const known = this.#podOf.get(containerId) ?? this.#podOf.get(podSandboxId ?? "");
    const uid =
      known ?? (type === "deleted" ? undefined : await this.#ask(containerId, podSandboxId, signal));
    if (uid === undefined) return;
    this.#podOf.set(containerId, uid);
    if (podSandboxId !== undefined) this.#podOf.set(podSandboxId, uid);
    this.#dependencies.changed(uid);
    // Told without its sandbox: the runtime's own lists did not agree yet, and nothing else will tell when they do.
    if (type === "stopped" && podSandboxId === undefined) void this.#awaitStop(containerId, uid, signal);
  }

  /** Looks after a container whose end was announced until the runtime says so too. */
  async #awaitStop(id: string, uid: string, signal: AbortSignal): Promise<void> {
    const { runtime, clock, changed } = this.#dependencies;
    const untilMs = clock.now() + 2 * this.#quietRelistMs;
    for (let pauseMs = 50; clock.now() < untilMs; pauseMs = Math.min(2 * pauseMs, this.#relistMs)) {
      try {
        await sleep(clock, pauseMs, { signal });
        const [container] = await runtime.listContainers({ id }, { signal });
        // On a busy machine one may end before the runtime has even written down that it was started.
        if (container?.state === "running" || container?.state === "created") continue;
      } catch {
        // Stopped ourselves, or the runtime does not answer: then there is a relist.
      }
      changed(uid);
      return;
    }
  }

  /** The event's id may be a container's or a sandbox's own. */
  async #ask(
    containerId: string,
    podSandboxId: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { runtime } = this.#dependencies;
    const [sandboxes, containers] = await Promise.all([
      runtime.listPodSandboxes({ id: podSandboxId ?? containerId }, { signal }),
      podSandboxId === undefined ? runtime.listContainers({ id: containerId }, { signal }) : [],
    ]);
    return [...sandboxes, ...containers].map(({ labels }) => labels[runtimeLabels.podUid]).find(Boolean);
  }
}
