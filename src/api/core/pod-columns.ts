/** What `kubectl get pods` shows. */
import { ageColumn, nameColumn, stringColumn, wide } from "../columns.ts";
import type { Column, RowCondition } from "../definition.ts";
import { humanAge } from "../human-duration.ts";
import { isPodConditionTrue, isPodReady, isPodTerminal, isSidecar } from "./pod-conditions.ts";
import type { ContainerState, Pod } from "./types.generated.ts";

interface PodSummary {
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: number;
  /** When a container last ended before it was restarted. */
  readonly lastRestartAt: string | undefined;
}

/** Reduces a pod to the words of its row. */
function summarizePod(pod: Pod): PodSummary {
  const init = summarizeInitContainers(pod);
  const gated = pod.status?.conditions?.some(
    ({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated",
  );
  const plain = gated ? "SchedulingGated" : pod.status?.reason || (pod.status?.phase ?? "");
  const total = pod.spec.containers.length + (pod.spec.initContainers ?? []).filter(isSidecar).length;
  if (init.blockedBy !== undefined && !isPodConditionTrue(pod, "Initialized"))
    return {
      total,
      ready: init.readySidecars,
      status: deletionStatus(pod, init.blockedBy),
      restarts: init.restarts,
      lastRestartAt: init.lastRestartAt,
    };
  const main = summarizeContainers(pod, init.blockedBy ?? plain);
  return {
    total,
    ready: init.readySidecars + main.ready,
    status: deletionStatus(pod, main.status),
    restarts: init.sidecarRestarts + main.restarts,
    lastRestartAt: later(init.sidecarLastRestartAt, main.lastRestartAt),
  };
}

function deletionStatus(pod: Pod, status: string): string {
  if (pod.metadata.deletionTimestamp === undefined) return status;
  // The node is out of reach: what its containers do is not known.
  if (pod.status?.reason === "NodeLost") return "Unknown";
  return isPodTerminal(pod) ? status : "Terminating";
}

function summarizeInitContainers(pod: Pod) {
  const specs = new Map((pod.spec.initContainers ?? []).map((container) => [container.name, container]));
  let restarts = 0;
  let sidecarRestarts = 0;
  let lastRestartAt: string | undefined;
  let sidecarLastRestartAt: string | undefined;
  let readySidecars = 0;
  let blockedBy: string | undefined;
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const endedAt = status.lastState?.terminated?.finishedAt;
    restarts += status.restartCount;
    lastRestartAt = later(lastRestartAt, endedAt);
    const spec = specs.get(status.name);
    const sidecar = spec !== undefined && isSidecar(spec);
    if (sidecar) {
      sidecarRestarts += status.restartCount;
      sidecarLastRestartAt = later(sidecarLastRestartAt, endedAt);
    }
    if (status.state?.terminated?.exitCode === 0) continue;
    if (sidecar && status.started === true) {
      if (status.ready) readySidecars++;
      continue;
    }
    blockedBy = `Init:${initState(status.state, index, specs.size)}`;
    break;
  }
  return { restarts, sidecarRestarts, lastRestartAt, sidecarLastRestartAt, readySidecars, blockedBy };
}

function initState(state: ContainerState | undefined, index: number, count: number): string {
  if (state?.terminated !== undefined) return endedState(state.terminated);
  const reason = state?.waiting?.reason ?? "";
  return reason !== "" && reason !== "PodInitializing" ? reason : `${index}/${count}`;
}

function endedState({
  reason = "",
  signal = 0,
  exitCode,
}: NonNullable<ContainerState["terminated"]>): string {
  if (reason !== "") return reason;
  return signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`;
}

function summarizeContainers(pod: Pod, initialStatus: string) {
  let status = initialStatus;
  let ready = 0;
  let restarts = 0;
  let lastRestartAt: string | undefined;
  let failure: string | undefined;
  // From the last to the first: what the first container says wins.
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    restarts += container.restartCount;
    lastRestartAt = later(lastRestartAt, container.lastState?.terminated?.finishedAt);
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason) status = waiting.reason;
    else if (terminated !== undefined) {
      status = endedState(terminated);
      if (terminated.exitCode !== 0) failure = status;
    } else if (container.ready && running !== undefined) ready++;
  }
  if (status === "Completed") status = statusBehindCompleted(pod, ready > 0, failure);
  return { status, ready, restarts, lastRestartAt };
}

/** A container that came to its end does not hide that another runs or failed. */
function statusBehindCompleted(pod: Pod, isRunning: boolean, failure: string | undefined): string {
  if (isRunning && isPodReady(pod)) return "Running";
  return failure ?? (isRunning ? "NotReady" : "Completed");
}

function later(left: string | undefined, right: string | undefined): string | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Date.parse(left) < Date.parse(right) ? right : left;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  return `${gates.filter(({ conditionType }) => isPodConditionTrue(pod, conditionType)).length}/${gates.length}`;
}

/** Says of a pod that has ended that it has. */
export function podRowConditions({ status }: Pod): readonly RowCondition[] {
  const message = endings.get(status?.phase ?? "");
  if (message === undefined) return [];
  return [{ type: "Completed", status: "True", reason: status?.phase ?? "", message }];
}

const endings: ReadonlyMap<string, string> = new Map([
  ["Succeeded", "The pod has completed successfully."],
  ["Failed", "The pod failed."],
]);

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  stringColumn("Ready", "Containers that are ready, of all.", (pod) => {
    const { ready, total } = summarizePod(pod);
    return `${ready}/${total}`;
  }),
  stringColumn("Status", "What the pod's containers do, in one word.", (pod) => summarizePod(pod).status),
  stringColumn("Restarts", "How often containers were restarted, and when last.", (pod, { nowMs }) => {
    const { restarts, lastRestartAt } = summarizePod(pod);
    if (restarts === 0 || lastRestartAt === undefined) return String(restarts);
    return `${restarts} (${humanAge(lastRestartAt, nowMs)} ago)`;
  }),
  ageColumn,
  wide(stringColumn("IP", "The pod's first address.", ({ status }) => status?.podIPs?.[0]?.ip || "<none>")),
  wide(stringColumn("Node", "The node the pod runs on.", ({ spec }) => spec.nodeName || "<none>")),
  wide(
    stringColumn(
      "Nominated Node",
      "The node that is being made free for the pod.",
      ({ status }) => status?.nominatedNodeName || "<none>",
    ),
  ),
  wide(stringColumn("Readiness Gates", "Extra readiness conditions that are true, of all.", readinessGates)),
];
