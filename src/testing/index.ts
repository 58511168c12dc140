/**
 * `k8ts/testing`: a whole cluster in the process of a test. What it consists of is loaded from here on, while the test file itself
 * still is; `startCluster` waits for it.
 */
import { enableCompileCache } from "node:module";
import type { TestCluster, TestClusterOptions } from "./cluster-types.ts";
import { compiledWhole } from "./eager-compilation.ts";

// Hundreds of modules: the second process on a machine finds them compiled. Coverage is exact only without.
if (process.env.NODE_V8_COVERAGE === undefined) enableCompileCache();
const loading = load();
// Whoever starts a cluster hears of it.
loading.catch(() => undefined);

async function load() {
  await compiledWhole(() => import("../cmd/compose/control-plane.ts"));
  return import("./cluster.ts");
}

/** Starts a cluster for a test; ready to use when this resolves. */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { startCluster: start } = await loading;
  return start(options);
}

export type { SimNode } from "../cmd/compose/sim-node.ts";
export type {
  BehaviorOf,
  ContainerBehavior,
  ExecOutcome,
  PullBehavior,
} from "../kubelet/cri/sim/behavior.ts";
export type { SimProcess } from "../kubelet/cri/sim/sim-process.ts";
export type { SimRuntime, SimRuntimeOptions } from "../kubelet/cri/sim/sim-runtime.ts";
export type { TestCluster, TestClusterOptions, TestNamespace } from "./cluster-types.ts";
export type {
  ExtensionApi,
  ExtensionApis,
  ExtensionCall,
  ExtensionResource,
  PodUsage,
} from "./extension-apis.ts";
export type { AnswerOptions, Fault, FaultOptions, Faults } from "./faults.ts";
export type { TestKubeconfig } from "./kubeconfig.ts";
export type { RequestMatch, Who } from "./request-match.ts";
export type { AdmissionRequest, AdmissionVerdict, AdmissionWebhook, Webhooks } from "./webhooks.ts";
