/** From Kubernetes' resource amounts to the kernel's numbers (upstream's `kuberuntime` and `cm` conversions). */

const minShares = 2;
const maxShares = 262_144;
const sharesPerCpu = 1024;
const milliCpuPerCpu = 1000;
const quotaPeriodUs = 100_000;
const minQuotaUs = 1000;

/** cgroup v1 cpu.shares for a request in millicores; CRI takes shares on v2 too and converts them itself. */
export function cpuShares(milliCpu: number): number {
  if (milliCpu === 0) return minShares;
  return Math.min(maxShares, Math.max(minShares, Math.floor((milliCpu * sharesPerCpu) / milliCpuPerCpu)));
}

/** Microseconds of CPU a period for a limit in millicores; undefined: no limit. */
export function cpuQuota(milliCpu: number): { quotaUs: number; periodUs: number } | undefined {
  if (milliCpu === 0) return undefined;
  const quotaUs = Math.max(minQuotaUs, Math.floor((milliCpu * quotaPeriodUs) / milliCpuPerCpu));
  return { quotaUs, periodUs: quotaPeriodUs };
}

/** cpu.weight of cgroup v2 for shares, by the kernel documentation's linear map of [2, 262144] to [1, 10000]. */
export function cpuWeight(shares: number): number {
  return Math.floor(1 + ((shares - minShares) * 9999) / (maxShares - minShares));
}

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/**
 * How readily the kernel kills a container when memory is short: guaranteed pods last, burstable ones by the share of
 * the node's memory that they did not ask for.
 */
export function oomScoreAdjust(container: {
  readonly qosClass: QosClass;
  readonly isNodeCritical: boolean;
  readonly memoryRequestBytes: number;
  readonly nodeMemoryBytes: number;
}): number {
  const { qosClass, isNodeCritical, memoryRequestBytes, nodeMemoryBytes } = container;
  if (isNodeCritical || qosClass === "Guaranteed") return -997;
  if (qosClass === "BestEffort") return 1000;
  const score = 1000 - Math.floor((1000 * memoryRequestBytes) / nodeMemoryBytes);
  // Between the guaranteed and the best-effort, whatever the request.
  return Math.min(999, Math.max(3, score));
}

/** `/kubepods/burstable/pod<uid>` below the kubelet's own root (cgroupfs driver). */
export function podCgroupPath(root: string, qosClass: QosClass, podUid: string): string {
  const tier = qosClass === "Guaranteed" ? "" : `/${qosClass.toLowerCase()}`;
  return `${root}/kubepods${tier}/pod${podUid}`;
}
