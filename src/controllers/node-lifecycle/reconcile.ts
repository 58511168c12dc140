import { nodeCondition, withNodeCondition } from "../../api/core/node-conditions.ts";
import { withPodCondition } from "../../api/core/pod-conditions.ts";
import type { Node, Pod } from "../../api/core/types.generated.ts";
import { nodes, pods as podsType } from "../../api/resources.generated.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import { event, type Intent, patch, requeueAfter, updateStatus } from "../framework/intent.ts";
import { wantedTaints, withoutEvictionTaints } from "./taints.ts";

export interface NodeSnapshot {
  readonly node: Node;
  /** When a lease or a status last said that the kubelet lives. */
  readonly lastHeardMs: number;
  readonly graceMs: number;
  /** Of a node that is called ready, and is silent: they serve no more. What a kubelet says of its pods is its own matter. */
  readonly readyPods: readonly Pod[];
  /** A NoExecute taint may be put on now; else in so many milliseconds. */
  readonly evictionAllowedInMs: number;
  /** Every node looks dead. */
  readonly isAllDisrupted: boolean;
}

/** What only a kubelet can know, and nobody does once it is silent. */
const kubeletConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;

/** Judges whether a node lives, and marks it and its pods accordingly. */
export function reconcileNode(snapshot: NodeSnapshot, { nowMs }: { readonly nowMs: number }): Intent[] {
  const { node, lastHeardMs, graceMs } = snapshot;
  const silentMs = nowMs - lastHeardMs;
  const isSilent = silentMs > graceMs;
  const judged = isSilent ? withUnknownConditions(node, nowMs) : node;
  const wasReady = nodeCondition(node, "Ready")?.status === "True";
  const readyStatus = nodeCondition(judged, "Ready")?.status;
  const isReady = readyStatus === "True";
  return [
    // Its pods first: while the node is called ready they are seen to again, once it is not they are left alone.
    ...(isReady ? [] : snapshot.readyPods.flatMap((pod) => markNotReady(pod, nowMs))),
    ...(judged === node ? [] : [updateStatus(nodes, node, judged.status ?? {}, { always: false })]),
    ...(wasReady && !isReady ? [nodeNotReady(node)] : []),
    ...taint(snapshot, judged, nowMs),
    // Silence itself brings no event: look again when the node would have been silent for too long.
    ...(isSilent ? [] : [requeueAfter(graceMs - silentMs + 1)]),
  ];
}

function nodeNotReady(node: Node): Intent {
  const message = `Node ${node.metadata.name} status is now: NodeNotReady`;
  return event(node, "Normal", "NodeNotReady", message);
}

function withUnknownConditions(node: Node, nowMs: number): Node {
  let status = node.status ?? {};
  for (const type of kubeletConditions) {
    const current = nodeCondition(node, type);
    if (current?.status === "Unknown") continue;
    const said =
      current === undefined
        ? { reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." }
        : { reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." };
    const heartbeat = current?.lastHeartbeatTime ?? node.metadata.creationTimestamp ?? undefined;
    status = withNodeCondition(
      status,
      {
        type,
        status: "Unknown",
        ...said,
        ...(heartbeat === undefined ? {} : { lastHeartbeatTime: heartbeat }),
      },
      nowMs,
    );
  }
  return status === node.status ? node : { ...node, status };
}

function markNotReady(pod: Pod, nowMs: number): Intent[] {
  const { reason, message } = { reason: "NodeNotReady", message: "Node is not ready" };
  const current = pod.status?.conditions?.find(({ type }) => type === "Ready");
  const status = withPodCondition(pod.status ?? {}, { ...current, type: "Ready", status: "False" }, nowMs);
  return [
    updateStatus(podsType, pod, status, { always: false, ignore: ["NotFound"] }),
    event(pod, "Warning", reason, message),
  ];
}

function taint(snapshot: NodeSnapshot, judged: Node, nowMs: number): Intent[] {
  const { node, isAllDisrupted, evictionAllowedInMs } = snapshot;
  const mayEvict = !isAllDisrupted && evictionAllowedInMs <= 0;
  const wanted = wantedTaints(judged, { mayEvict }, nowMs);
  const taints = isAllDisrupted ? withoutEvictionTaints(wanted) : wanted;
  const isHeldBack =
    !isAllDisrupted && !mayEvict && wantedTaints(judged, { mayEvict: true }, nowMs).length > wanted.length;
  const retry = isHeldBack ? [requeueAfter(Math.min(evictionAllowedInMs, longestHoldMs))] : [];
  if (semanticallyEqual(node.spec.taints, taints)) return retry;
  const { resourceVersion } = judged.metadata;
  const change = {
    ...(judged === node && resourceVersion !== undefined ? { metadata: { resourceVersion } } : {}),
    spec: { taints: taints.length === 0 ? null : taints },
  };
  return [patch(nodes, node, { type: "merge", patch: change }), ...retry];
}

/** A zone's state may change meanwhile, and with it how fast pods may be driven off. */
const longestHoldMs = 10_000;
