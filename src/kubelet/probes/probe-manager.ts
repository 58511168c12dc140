import { isSidecar } from "../../api/core/pod-conditions.ts";
import type { Container, Pod, Probe } from "../../api/core/types.generated.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { type Random, randomBelow } from "../../base/random.ts";
import type { PodEvents } from "../pod-events.ts";
import { newestInstances, type RuntimePodStatus } from "../runtime-pod.ts";
import {
  initialProbeState,
  type ProbeKind,
  type ProbeResult,
  type ProbeState,
  stepProbe,
} from "./probe-state.ts";
import type { ProbeAnswer, ProbeTarget } from "./prober.ts";

export interface ProbeManagerDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: PodEvents;
  readonly probe: (probe: Probe, target: ProbeTarget) => Promise<ProbeAnswer>;
  /** A result of this pod changed. */
  readonly changed: (podUid: string) => void;
}

/** How often one probe of a container that runs found what. */
export interface ProbeCounts {
  readonly kind: ProbeKind;
  readonly pod: Pod;
  readonly container: string;
  readonly outcomes: ReadonlyMap<ProbeAnswer["outcome"], number>;
}

interface Worker {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly containerId: string;
  readonly startedAtMs: number;
  target: ProbeTarget;
  state: ProbeState;
  timer: Timer | undefined;
  stopped: boolean;
  /** Of all instances of the container. */
  readonly outcomes: Map<ProbeAnswer["outcome"], number>;
}

const kinds: readonly ProbeKind[] = ["startup", "liveness", "readiness"];

/** One worker for each probe of each running container (upstream's prober manager). */
export class ProbeManager {
  readonly #dependencies: ProbeManagerDependencies;
  /** By pod, then "container/kind". */
  readonly #pods = new Map<string, Map<string, Worker>>();
  /** By "kind/container id". */
  readonly #byContainer = new Map<string, Worker>();

  constructor(dependencies: ProbeManagerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Probes what runs now; what no longer runs is probed no more. */
  observe(pod: Pod, runtime: RuntimePodStatus, podIp: string): void {
    const uid = pod.metadata.uid ?? "";
    const workers = this.#pods.get(uid) ?? new Map<string, Worker>();
    const newest = newestInstances(runtime);
    const wanted = new Set<string>();
    for (const container of probedContainers(pod)) {
      const running = newest.get(container.name);
      if (running?.state !== "running") continue;
      const target = { pod, container, containerId: running.id, podIp };
      for (const kind of kinds) {
        const probe = container[`${kind}Probe`];
        if (probe === undefined) continue;
        const key = `${container.name}/${kind}`;
        wanted.add(key);
        const worker = workers.get(key);
        if (worker?.containerId === running.id) worker.target = target;
        else {
          if (worker !== undefined) this.#forget(worker);
          const next = this.#startWorker(kind, probe, target, running.startedAtMs);
          for (const [outcome, count] of worker?.outcomes ?? []) next.outcomes.set(outcome, count);
          workers.set(key, next);
        }
      }
    }
    for (const [key, worker] of workers) {
      if (wanted.has(key)) continue;
      this.#forget(worker);
      workers.delete(key);
    }
    if (workers.size > 0) this.#pods.set(uid, workers);
    else this.#pods.delete(uid);
  }

  result(kind: ProbeKind, containerId: string): ProbeResult | undefined {
    return this.#byContainer.get(`${kind}/${containerId}`)?.state.result;
  }

  /** What was found of the containers that run (upstream's prober_probe_total). */
  counts(): readonly ProbeCounts[] {
    return [...this.#pods.values()].flatMap((workers) =>
      [...workers.values()].map(({ kind, target: { pod, container }, outcomes }) => ({
        kind,
        pod,
        container: container.name,
        outcomes,
      })),
    );
  }

  /** The pod is ending: only readiness goes on being told; what the others found last stays known. */
  stopLivenessAndStartup(podUid: string): void {
    for (const worker of this.#pods.get(podUid)?.values() ?? []) {
      if (worker.kind !== "readiness") halt(worker);
    }
  }

  remove(podUid: string): void {
    for (const worker of this.#pods.get(podUid)?.values() ?? []) this.#forget(worker);
    this.#pods.delete(podUid);
  }

  /** No probe is begun any more. */
  close(): void {
    for (const uid of [...this.#pods.keys()]) this.remove(uid);
  }

  #startWorker(kind: ProbeKind, probe: Probe, target: ProbeTarget, startedAtMs: number): Worker {
    const { clock, random } = this.#dependencies;
    const { containerId } = target;
    const known = knownResult(kind, target);
    const initial = initialProbeState(kind);
    const state = known === undefined ? initial : { ...initial, result: known };
    const base = { kind, probe, containerId, startedAtMs, target, state };
    const worker: Worker = { ...base, timer: undefined, stopped: false, outcomes: new Map() };
    this.#byContainer.set(`${kind}/${containerId}`, worker);
    if (kind === "startup" && known === "success") return worker;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const now = clock.now();
    const dueMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000;
    // After a restart of the kubelet many are due at once: spread them over a period.
    const lateMs = now - startedAtMs > periodMs ? randomBelow(random, periodMs) : 0;
    this.#arm(worker, dueMs > now ? dueMs - now : lateMs);
    return worker;
  }

  #arm(worker: Worker, delayMs: number): void {
    worker.timer?.cancel();
    worker.timer = this.#dependencies.clock.setTimer(delayMs, () => void this.#run(worker));
  }

  async #run(worker: Worker): Promise<void> {
    const { kind, probe, target } = worker;
    const startup = this.#byContainer.get(`startup/${worker.containerId}`);
    // Woken when the startup probe succeeds.
    if (kind !== "startup" && startup !== undefined && startup.state.result !== "success") return;
    const answer = await this.#dependencies.probe(probe, target);
    if (worker.stopped) return;
    worker.outcomes.set(answer.outcome, (worker.outcomes.get(answer.outcome) ?? 0) + 1);
    this.#report(worker, answer);
    const before = worker.state.result;
    worker.state = stepProbe(worker.state, answer.outcome, probe);
    const { result } = worker.state;
    if (result !== before) this.#dependencies.changed(target.pod.metadata.uid ?? "");
    if (kind === "startup" && result === "success") return this.#wakeOthers(worker);
    // A failed liveness or startup probe ends the container: its next instance gets a worker of its own.
    if (kind !== "readiness" && result === "failure") return;
    this.#arm(worker, (probe.periodSeconds ?? 10) * 1000);
  }

  #wakeOthers(startup: Worker): void {
    const now = this.#dependencies.clock.now();
    for (const kind of kinds) {
      const worker = this.#byContainer.get(`${kind}/${startup.containerId}`);
      if (worker === undefined || worker === startup || worker.stopped) continue;
      const dueMs = worker.startedAtMs + (worker.probe.initialDelaySeconds ?? 0) * 1000;
      this.#arm(worker, Math.max(0, dueMs - now));
    }
  }

  #report({ kind, target }: Worker, { outcome, output, isWarning = false }: ProbeAnswer): void {
    if (outcome === "success" && !isWarning) return;
    const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    if (isWarning) {
      const note = `${name} probe warning: ${output}`;
      this.#dependencies.events.warning(target.pod, "ProbeWarning", note, target.container.name);
      return;
    }
    const message =
      outcome === "failure"
        ? `${name} probe failed: ${output}`
        : `${name} probe errored and resulted in unknown state: ${output}`;
    this.#dependencies.events.warning(target.pod, "Unhealthy", message, target.container.name);
  }

  #forget(worker: Worker): void {
    halt(worker);
    const key = `${worker.kind}/${worker.containerId}`;
    if (this.#byContainer.get(key) === worker) this.#byContainer.delete(key);
  }
}

function halt(worker: Worker): void {
  worker.stopped = true;
  worker.timer?.cancel();
}

function probedContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
}

/** What the API already says of this very instance: a kubelet that restarts takes nothing back. */
function knownResult(kind: ProbeKind, { pod, container, containerId }: ProbeTarget): ProbeResult | undefined {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const status = statuses.find(({ name }) => name === container.name);
  if (status?.containerID?.endsWith(`://${containerId}`) !== true) return undefined;
  if (kind === "readiness") return status.ready ? "success" : undefined;
  return kind === "startup" && status.started === true ? "success" : undefined;
}
