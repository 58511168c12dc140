import { type KubeletDirectories, logPathOf } from "../pod-directories.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import type { RunningLog } from "./log-rotation.ts";

/** The logs that are being written to, by a listing of the runtime. */
export function runningLogs(
  listing: ReadonlyMap<string, RuntimePod>,
  directories: KubeletDirectories,
): RunningLog[] {
  return [...listing.values()].flatMap(({ containers }) =>
    containers.flatMap((container) => {
      const path = container.state === "running" ? logPathOf(directories, container) : undefined;
      return path === undefined ? [] : [{ containerId: container.id, path }];
    }),
  );
}
