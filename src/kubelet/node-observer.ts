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
/** How long a runtime may be silent: one that is started again is no reason to take the node's pods out of service. */
const runtimeLimitMs = 30_000;

const conditionWords: Readonly<Record<string, string>> = {
  RuntimeReady: "container runtime status check may not have completed yet",
  NetworkReady: "container runtime network not ready: NetworkReady=false",
};

type RuntimeObservation = Pick<
  NodeObservation,
  "runtimeVersion" | "handlers" | "images" | "notReadyReasons" | "features"
>;

/** Looks at machine and runtime, when it is asked to: what the node's status is made from. */
export function nodeObserver(
  dependencies: NodeObserverDependencies,
): (facts: NodeFacts) => Promise<NodeObservation> {
  const { clock } = dependencies;
  let last: { readonly atMs: number; readonly seen: RuntimeObservation } | undefined;
  const lookAtRuntime = async () => {
    try {
      last = { seen: await observeRuntime(dependencies), atMs: clock.now() };
      return last.seen;
    } catch (error) {
      return last !== undefined && clock.now() - last.atMs < runtimeLimitMs
        ? last.seen
        : silentRuntime(error);
    }
  };
  return async (facts) => observation(dependencies, facts, await lookAtRuntime());
}

async function observation(
  dependencies: NodeObserverDependencies,
  facts: NodeFacts,
  seen: RuntimeObservation,
): Promise<NodeObservation> {
  const { clock, lastRelistMs } = dependencies;
  const machine = await dependencies.machine();
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

async function observeRuntime({ runtime, images }: NodeObserverDependencies): Promise<RuntimeObservation> {
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
        ({ type, reason, message }) => `${conditionWords[type] ?? type}: reason:${reason} message:${message}`,
      ),
  };
}

function silentRuntime(error: unknown): RuntimeObservation {
  const why = error instanceof Error ? error.message : String(error);
  return {
    runtimeVersion: "unknown",
    handlers: undefined,
    features: undefined,
    images: [],
    notReadyReasons: [`container runtime is down: ${why}`],
  };
}
