import { seededRandom } from "../../../base/random.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { testRuntimeCompliance } from "../compliance.ts";
import { createSimRuntime } from "./sim-runtime.ts";

testRuntimeCompliance("sim", async () => {
  const clock = new VirtualClock();
  const sim = createSimRuntime({
    clock,
    random: seededRandom(1),
    images: ["k8ts.local/busybox:1"],
    latencies: {
      runPodSandboxMs: 0,
      stopPodSandboxMs: 0,
      createContainerMs: 0,
      startContainerMs: 0,
      pullImageMs: 0,
    },
    pullBehavior: (image) => (image.includes("unknown") ? { error: "manifest unknown" } : {}),
  });
  return {
    connection: sim,
    shellImage: "k8ts.local/busybox:1",
    pullableImage: "registry.example/tool:1",
    unknownImage: "registry.example/unknown:1",
    logDirectory: "/logs",
    wait: (ms) => clock.advance(ms),
    readLog: async (path) => sim.readLog(path) ?? "",
  };
});
