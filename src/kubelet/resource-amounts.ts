import type { Container, EphemeralContainer, Pod } from "../api/core/types.generated.ts";
import { parseQuantity, quantityMilliValue, quantityValue, scaledTo } from "../apimachinery/quantity.ts";
import { cpuQuota, cpuShares, oomScoreAdjust, type QosClass } from "./cgroup-resources.ts";
import type { LinuxContainerResources } from "./cri/config.ts";

export interface NodeAmounts {
  readonly memoryBytes: number;
  /** What pods may use in all, as in the node's status: the default of a limit that is not set. */
  readonly allocatable: Readonly<Record<string, string>>;
}

type AnyContainer = Container | EphemeralContainer;

/** What the runtime is told of a container's requests and limits. */
export function containerResources(
  pod: Pod,
  container: AnyContainer,
  qosClass: QosClass,
  node: NodeAmounts,
): LinuxContainerResources {
  const limits = container.resources?.limits ?? {};
  const requests = container.resources?.requests ?? {};
  const cpuRequest = quantityMilliValue(requests.cpu ?? limits.cpu ?? "0");
  const quota = cpuQuota(quantityMilliValue(limits.cpu ?? "0"));
  const memoryLimitBytes = quantityValue(limits.memory ?? "0");
  return {
    cpuShares: cpuShares(cpuRequest),
    ...(quota === undefined ? {} : { cpuQuota: quota.quotaUs, cpuPeriod: quota.periodUs }),
    ...(memoryLimitBytes === 0 ? {} : { memoryLimitBytes, memorySwapLimitBytes: memoryLimitBytes }),
    oomScoreAdj: oomScoreAdjust({
      qosClass,
      isNodeCritical: (pod.spec.priority ?? 0) >= systemCriticalPriority,
      memoryRequestBytes: quantityValue(requests.memory ?? limits.memory ?? "0"),
      nodeMemoryBytes: node.memoryBytes,
    }),
    ...hugepages(limits),
  };
}

const systemCriticalPriority = 2_000_000_000;

function hugepages(
  limits: Readonly<Record<string, string>>,
): Pick<LinuxContainerResources, "hugepageLimits"> {
  const entries = Object.entries(limits).filter(([name]) => name.startsWith("hugepages-"));
  if (entries.length === 0) return {};
  return {
    hugepageLimits: entries.map(([name, amount]) => ({
      pageSize: `${name.slice("hugepages-".length).replace(/i$/, "")}B`,
      limitBytes: quantityValue(amount),
    })),
  };
}

/** The limits of a pod's own cgroup; absent parts are unlimited. */
export function podCgroupLimits(pod: Pod): {
  cpuShares: number;
  cpuQuotaUs?: number;
  cpuPeriodUs?: number;
  memoryBytes?: number;
} {
  const running = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always"),
  ];
  const overhead = pod.spec.overhead ?? {};
  const sum = (
    of: (container: Container) => string | undefined,
    extra: string | undefined,
    measure: (q: string) => number,
  ) => running.reduce((total, container) => total + measure(of(container) ?? "0"), measure(extra ?? "0"));
  const request = sum(
    (c) => c.resources?.requests?.cpu ?? c.resources?.limits?.cpu,
    overhead.cpu,
    quantityMilliValue,
  );
  const allLimit = (name: string) =>
    running.every((container) => container.resources?.limits?.[name] !== undefined);
  const quota = allLimit("cpu")
    ? cpuQuota(sum((c) => c.resources?.limits?.cpu, overhead.cpu, quantityMilliValue))
    : undefined;
  const initPeak = (name: string, measure: (q: string) => number) =>
    Math.max(0, ...(pod.spec.initContainers ?? []).map((c) => measure(c.resources?.limits?.[name] ?? "0")));
  return {
    cpuShares: cpuShares(request),
    ...(quota === undefined ? {} : { cpuQuotaUs: quota.quotaUs, cpuPeriodUs: quota.periodUs }),
    ...(allLimit("memory")
      ? {
          memoryBytes: Math.max(
            sum((c) => c.resources?.limits?.memory, overhead.memory, quantityValue),
            initPeak("memory", quantityValue),
          ),
        }
      : {}),
  };
}

/** The text of a resourceFieldRef: the amount in units of the divisor, rounded up. */
export function resourceField(
  pod: Pod,
  containerName: string,
  resource: string,
  divisor: string,
  node: NodeAmounts,
): string {
  const all: readonly AnyContainer[] = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const container = all.find(({ name }) => name === containerName);
  const [kind = "", name = ""] = resource.split(/\.(.*)/s);
  const own =
    kind === "limits" ? container?.resources?.limits?.[name] : container?.resources?.requests?.[name];
  // An unset limit means all that the node can give; an unset request falls back on nothing.
  const amount = own ?? (kind === "limits" ? (node.allocatable[name] ?? "0") : "0");
  const unit = divisor === "0" || divisor === "" ? "1" : divisor;
  return divideRoundingUp(amount, unit);
}

/** Nano units hold every amount of the API exactly. */
const nanoScale = -9;

function divideRoundingUp(amount: string, unit: string): string {
  const numerator = scaledTo(parseQuantity(amount), nanoScale);
  const denominator = scaledTo(parseQuantity(unit), nanoScale);
  return denominator === 0n ? "0" : String((numerator + denominator - 1n) / denominator);
}
