import type { Node, NodeStatus, Pod, PodSpec, Taint } from "../../api/core/types.generated.ts";
import type { ObjectMeta } from "../../apimachinery/meta.ts";

type Labels = Readonly<Record<string, string>>;

export interface NodeTraits {
  readonly labels?: Labels;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  /** cpu, memory, pods, …; those left out are plenty. */
  readonly allocatable?: Labels;
  readonly status?: NodeStatus;
}

export function node(name: string, traits: NodeTraits = {}): Node {
  const { labels, taints, unschedulable, allocatable, status } = traits;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec: { ...(taints ? { taints } : {}), ...(unschedulable ? { unschedulable } : {}) },
    status: { ...status, allocatable: { cpu: "4", memory: "8Gi", pods: "110", ...allocatable } },
  };
}

export interface PodTraits {
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly requests?: Labels;
  readonly hostPort?: number;
  readonly node?: string;
  readonly priority?: number;
  readonly spec?: Partial<PodSpec>;
  readonly metadata?: ObjectMeta;
}

export function pod(name: string, traits: PodTraits = {}): Pod {
  const { namespace = "default", labels, requests, hostPort, node, priority, spec, metadata } = traits;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, uid: `uid-${name}`, ...(labels ? { labels } : {}), ...metadata },
    spec: {
      containers: [
        {
          name: "main",
          image: "web:1",
          ...(requests === undefined ? {} : { resources: { requests } }),
          ...(hostPort === undefined ? {} : { ports: [{ containerPort: hostPort, hostPort }] }),
        },
      ],
      ...(node === undefined ? {} : { nodeName: node }),
      ...(priority === undefined ? {} : { priority }),
      ...spec,
    },
  };
}
