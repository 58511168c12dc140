import type { Clock } from "../base/clock.ts";
import type { ContainerRuntime, ImageService } from "./cri/runtime.ts";
import type { MachineInfo, NodeObservation } from "./node-status.ts";

export interface NodeObserverDependencies {
  readonly runtime: ContainerRuntime;
  readonly images: ImageService;
  readonly machine: () => Promise<MachineInfo>;
  readonly clock: Clock;
  /** When PLEG last had a listing. */
  readonly lastRelistMs: () => number;
  readonly pressure: () => NodeObservation["pressure"];
}

export interface NodeFacts {
  readonly kubeletVersion: string;
  readonly kubeletPort: number;
  readonly maxPods: number;
  readonly heldBack: NodeObservation["heldBack"];
}

const plegLimitMs = 180_000;

const conditionWords: Readonly<Record<string, string>> = {
  RuntimeReady: "container runtime status check may not have completed yet",
  NetworkReady: "container runtime network not ready: NetworkReady=false",
};

/** Looks at machine and runtime: what the node's status is made from. */
export async function observeNode(
  dependencies: NodeObserverDependencies,
  facts: NodeFacts,
): Promise<NodeObservation> {
  const { clock, lastRelistMs } = dependencies;
  const machine = await dependencies.machine();
  const seen = await observeRuntime(dependencies);
  const silentMs = clock.now() - lastRelistMs();
  const stuck =
    silentMs > plegLimitMs
      ? [
          `PLEG is not healthy: pleg was last seen active ${Math.round(silentMs / 1000)}s ago; threshold is 3m0s`,
        ]
      : [];
  return {
    machine,
    ...facts,
    ...seen,
    pressure: dependencies.pressure(),
    notReadyReasons: [...seen.notReadyReasons, ...stuck],
  };
}

async function observeRuntime({
  runtime,
  images,
}: NodeObserverDependencies): Promise<
  Pick<NodeObservation, "runtimeVersion" | "handlers" | "images" | "notReadyReasons" | "features">
> {
  try {
    const [version, status, list] = await Promise.all([
      runtime.version(),
      runtime.status(),
      images.listImages(),
    ]);
    return {
      runtimeVersion: `${version.runtimeName}://${version.runtimeVersion}`,
      handlers: status.runtimeHandlers.map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({
        name,
        features: { recursiveReadOnlyMounts, userNamespaces },
      })),
      features: { supplementalGroupsPolicy: status.supplementalGroupsPolicy },
      images: list.map(({ repoDigests, repoTags, sizeBytes }) => ({
        names: [...repoDigests, ...repoTags],
        sizeBytes,
      })),
      notReadyReasons: status.conditions
        .filter((condition) => !condition.status)
        .map(
          ({ type, reason, message }) =>
            `${conditionWords[type] ?? type}: reason:${reason} message:${message}`,
        ),
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      runtimeVersion: "unknown",
      handlers: undefined,
      features: undefined,
      images: [],
      notReadyReasons: [`container runtime is down: ${why}`],
    };
  }
}
