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

export interface ProbeManager {
  /** Probes what runs now; what no longer runs is probed no more. */
  observe(pod: Pod, runtime: RuntimePodStatus, podIp: string): void;
  result(kind: ProbeKind, containerId: string): ProbeResult | undefined;
  /** The pod is ending: only readiness goes on being told. */
  stopLivenessAndStartup(podUid: string): void;
  remove(podUid: string): void;
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
}

const kinds: readonly ProbeKind[] = ["startup", "liveness", "readiness"];

/** One worker for each probe of each running container (upstream's prober manager). */
export function createProbeManager(dependencies: ProbeManagerDependencies): ProbeManager {
  const { clock, random, events, probe: runProbe, changed } = dependencies;
  /** By pod, then "container/kind". */
  const pods = new Map<string, Map<string, Worker>>();
  const byContainer = new Map<string, Worker>();

  function startWorker(kind: ProbeKind, probe: Probe, target: ProbeTarget, startedAtMs: number): Worker {
    const { containerId } = target;
    const known = knownResult(kind, target);
    const state =
      known === undefined ? initialProbeState(kind) : { ...initialProbeState(kind), result: known };
    const worker: Worker = {
      kind,
      probe,
      containerId,
      startedAtMs,
      target,
      state,
      timer: undefined,
      stopped: false,
    };
    byContainer.set(`${kind}/${containerId}`, worker);
    if (kind === "startup" && known === "success") return worker;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const dueMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000;
    // After a restart of the kubelet many are due at once: spread them over a period.
    const delayMs =
      dueMs > clock.now()
        ? dueMs - clock.now()
        : clock.now() - startedAtMs > periodMs
          ? randomBelow(random, periodMs)
          : 0;
    arm(worker, delayMs);
    return worker;
  }

  function arm(worker: Worker, delayMs: number): void {
    worker.timer?.cancel();
    worker.timer = clock.setTimer(delayMs, () => void run(worker));
  }

  async function run(worker: Worker): Promise<void> {
    const { kind, probe, target } = worker;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const startup = byContainer.get(`startup/${worker.containerId}`);
    if (kind !== "startup" && startup !== undefined && startup.state.result !== "success") {
      // Woken when the startup probe succeeds.
      return;
    }
    const answer = await runProbe(probe, target);
    if (worker.stopped) return;
    report(worker, answer);
    const before = worker.state.result;
    worker.state = stepProbe(worker.state, answer.outcome, probe);
    const { result } = worker.state;
    if (result !== before) changed(target.pod.metadata.uid ?? "");
    if (kind === "startup" && result === "success") return wakeOthers(worker);
    // A failed liveness or startup probe ends the container: its next instance gets a worker of its own.
    if (kind !== "readiness" && result === "failure") return;
    arm(worker, periodMs);
  }

  function wakeOthers(startup: Worker): void {
    for (const kind of kinds) {
      const worker = byContainer.get(`${kind}/${startup.containerId}`);
      if (worker !== undefined && worker !== startup) {
        const dueMs = worker.startedAtMs + (worker.probe.initialDelaySeconds ?? 0) * 1000;
        arm(worker, Math.max(0, dueMs - clock.now()));
      }
    }
  }

  function report({ kind, target }: Worker, { outcome, output }: ProbeAnswer): void {
    if (outcome === "success") return;
    const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const message =
      outcome === "failure"
        ? `${name} probe failed: ${output}`
        : `${name} probe errored and resulted in unknown state: ${output}`;
    events.warning(target.pod, "Unhealthy", message, target.container.name);
  }

  function stop(worker: Worker): void {
    worker.stopped = true;
    worker.timer?.cancel();
    const key = `${worker.kind}/${worker.containerId}`;
    if (byContainer.get(key) === worker) byContainer.delete(key);
  }

  return {
    observe(pod, runtime, podIp) {
      const uid = pod.metadata.uid ?? "";
      const workers = pods.get(uid) ?? new Map<string, Worker>();
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
            if (worker !== undefined) stop(worker);
            workers.set(key, startWorker(kind, probe, target, running.startedAtMs));
          }
        }
      }
      for (const [key, worker] of workers) {
        if (wanted.has(key)) continue;
        stop(worker);
        workers.delete(key);
      }
      if (workers.size > 0) pods.set(uid, workers);
      else pods.delete(uid);
    },
    result: (kind, containerId) => byContainer.get(`${kind}/${containerId}`)?.state.result,
    stopLivenessAndStartup(podUid) {
      for (const worker of pods.get(podUid)?.values() ?? []) if (worker.kind !== "readiness") stop(worker);
    },
    remove(podUid) {
      for (const worker of pods.get(podUid)?.values() ?? []) stop(worker);
      pods.delete(podUid);
    },
  };
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
