/** What the components of a cluster write most, as they write it. */
import { podOf } from "../informer/pod.ts";

export const namespace = "writes";

export interface KubeObject {
  readonly metadata: { readonly name: string };
}

export const nodeName = (index: number) => `node-${index}`;

export const node = (index: number) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: nodeName(index) },
  spec: {},
});

/** As a replica set makes it. */
export function newPod(name: string): KubeObject {
  const { apiVersion, kind, metadata, spec } = podOf(0, 1) as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly labels: object; readonly ownerReferences: readonly object[] };
    readonly spec: { readonly nodeName: string };
  };
  const { labels, ownerReferences } = metadata;
  const { nodeName: _, ...unbound } = spec;
  const pod = { apiVersion, kind, metadata: { name, labels, ownerReferences }, spec: unbound };
  return pod;
}

/** As the scheduler makes it. */
export const binding = (name: string, index: number) => ({
  apiVersion: "v1",
  kind: "Binding",
  metadata: { name },
  target: { apiVersion: "v1", kind: "Node", name: nodeName(index) },
});

/** As a kubelet tells of containers that come up, and of those that do not. */
export function podStatusPatch(turn: number): object {
  const ready = turn % 2 === 0;
  const time = timeOf(turn);
  const types = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"];
  return {
    status: {
      "$setElementOrder/conditions": types.map((type) => ({ type })),
      conditions: types.map((type) => ({
        type,
        status: ready ? "True" : "False",
        lastProbeTime: null,
        lastTransitionTime: time,
        observedGeneration: 1,
      })),
      containerStatuses: [
        {
          name: "web",
          image: "nginx:1.27",
          imageID: ready ? `sha256:${"0123456789abcdef".repeat(4)}` : "",
          ...(ready && { containerID: `containerd://${String(turn).padStart(64, "0")}` }),
          ready,
          started: ready,
          restartCount: 0,
          lastState: {},
          state: ready ? { running: { startedAt: time } } : { waiting: { reason: "ContainerCreating" } },
        },
      ],
      hostIP: "10.0.0.1",
      hostIPs: [{ ip: "10.0.0.1" }],
      phase: ready ? "Running" : "Pending",
      podIP: "10.1.0.9",
      podIPs: [{ ip: "10.1.0.9" }],
      startTime: timeOf(0),
    },
  };
}

/** As a kubelet tells that its node is well. */
export function nodeStatusPatch(turn: number): object {
  const types = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"];
  return {
    status: {
      "$setElementOrder/conditions": types.map((type) => ({ type })),
      conditions: types.map((type) => ({
        type,
        status: type === "Ready" ? "True" : "False",
        reason: `Kubelet${type}`,
        message: `what the kubelet knows of ${type}`,
        lastHeartbeatTime: timeOf(turn),
        lastTransitionTime: timeOf(0),
      })),
    },
  };
}

export const lease = (index: number) => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: nodeName(index) },
  spec: { holderIdentity: nodeName(index), leaseDurationSeconds: 40, renewTime: microTimeOf(0) },
});

export function renewed(standing: KubeObject, turn: number): KubeObject {
  const { spec } = standing as unknown as ReturnType<typeof lease>; // as it came back
  return { ...standing, spec: { ...spec, renewTime: microTimeOf(turn) } } as KubeObject;
}

export function event(name: string, turn: number): KubeObject {
  const involvedObject = {
    apiVersion: "v1",
    kind: "Pod",
    namespace,
    name,
    uid: "7d0c5a1e",
    resourceVersion: "1",
  };
  const time = timeOf(turn);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${name}.started`, namespace },
    involvedObject,
    reason: "Started",
    message: "Started container web",
    source: { component: "kubelet", host: "node" },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    type: "Normal",
    reportingComponent: "kubelet",
    reportingInstance: "node",
  } as KubeObject;
}

/** A full one. */
const endpointsOfASlice = 100;

export const endpointSlice = (index: number) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name: `web-${index}`,
    labels: {
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    },
  },
  addressType: "IPv4",
  ports: [{ name: "http", port: 80, protocol: "TCP" }],
  endpoints: Array.from({ length: endpointsOfASlice }, (_, at) => endpointOf(at, true)),
});

/** One of its pods is ready no more, or again. */
export function changedSlice(standing: KubeObject, turn: number): KubeObject {
  const { endpoints } = standing as unknown as ReturnType<typeof endpointSlice>; // as it came back
  const at = turn % endpointsOfASlice;
  const isReady = Math.floor(turn / endpointsOfASlice) % 2 === 1;
  return { ...standing, endpoints: endpoints.with(at, endpointOf(at, isReady)) } as KubeObject;
}

const endpointOf = (at: number, ready: boolean) => ({
  addresses: [`10.1.0.${at}`],
  conditions: { ready, serving: ready, terminating: false },
  nodeName: nodeName(at),
  targetRef: { kind: "Pod", namespace, name: `pod-${at}`, uid: `7d0c5a1e-0000-4000-8000-${at}` },
});

const timeOf = (turn: number) =>
  `${new Date(Date.UTC(2026, 0, 1) + turn * 1000).toISOString().slice(0, 19)}Z`;
const microTimeOf = (turn: number) => timeOf(turn).replace("Z", ".000001Z");
