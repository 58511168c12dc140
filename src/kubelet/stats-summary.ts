import type { Clock } from "../base/clock.ts";
import { rfc3339 } from "../base/clock.ts";
import type { ContainerRuntime, ContainerStats } from "./cri/runtime.ts";
import { runtimeLabels } from "./runtime-pod.ts";

/** The kubelet's `/stats/summary`: what pods and their containers use, as the metrics server reads it. */
export async function statsSummary(dependencies: {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly startedAtMs: number;
}): Promise<object> {
  const { runtime, nodeName, startedAtMs } = dependencies;
  const stats = await runtime.listContainerStats();
  const pods = new Map<
    string,
    {
      podRef: object;
      startTime: string;
      containers: object[];
      cpu: { usageNanoCores: number; usageCoreNanoSeconds: number };
      memory: { workingSetBytes: number };
    }
  >();
  for (const container of stats) {
    const {
      [runtimeLabels.podUid]: uid,
      [runtimeLabels.podName]: name,
      [runtimeLabels.podNamespace]: namespace,
    } = container.labels;
    if (uid === undefined) continue;
    let pod = pods.get(uid);
    if (pod === undefined) {
      pod = {
        podRef: { name, namespace, uid },
        startTime: rfc3339(startedAtMs),
        containers: [],
        cpu: { usageNanoCores: 0, usageCoreNanoSeconds: 0 },
        memory: { workingSetBytes: 0 },
      };
      pods.set(uid, pod);
    }
    pod.containers.push(containerSummary(container));
    pod.cpu.usageNanoCores += container.cpu?.usageNanoCores ?? 0;
    pod.cpu.usageCoreNanoSeconds += container.cpu?.usageCoreNanoSeconds ?? 0;
    pod.memory.workingSetBytes += container.memory?.workingSetBytes ?? 0;
  }
  return { node: { nodeName, startTime: rfc3339(startedAtMs) }, pods: [...pods.values()] };
}

function containerSummary({ metadata, cpu, memory, writableLayer }: ContainerStats): object {
  return {
    name: metadata.name,
    ...(cpu === undefined
      ? {}
      : {
          cpu: {
            time: rfc3339(cpu.timestampMs),
            usageNanoCores: cpu.usageNanoCores,
            usageCoreNanoSeconds: cpu.usageCoreNanoSeconds,
          },
        }),
    ...(memory === undefined
      ? {}
      : {
          memory: {
            time: rfc3339(memory.timestampMs),
            workingSetBytes: memory.workingSetBytes,
            usageBytes: memory.usageBytes,
            rssBytes: memory.rssBytes,
            availableBytes: memory.availableBytes,
            pageFaults: memory.pageFaults,
            majorPageFaults: memory.majorPageFaults,
          },
        }),
    ...(writableLayer === undefined
      ? {}
      : {
          rootfs: {
            time: rfc3339(writableLayer.timestampMs),
            usedBytes: writableLayer.usedBytes,
            inodesUsed: writableLayer.inodesUsed,
          },
        }),
  };
}
