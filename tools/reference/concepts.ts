/** A part of a page: what belongs together, whatever file it is in. */
export interface Concept {
  readonly title: string;
  /** Where it is explained with samples: a page and a heading of it. */
  readonly guide?: string;
  /** Files and folders (ending in "/") below the root whose exports belong here; the first concept that names one has it. */
  readonly files: readonly string[];
}

export interface Page {
  /** The file that is written, below `docs/reference/`. */
  readonly file: string;
  /** What users import. */
  readonly module: string;
  /** The module's source, below the root. */
  readonly source: string;
  readonly introduction: string;
  readonly concepts: readonly Concept[];
}

const client: Page = {
  file: "client.md",
  module: "k8ts/client",
  source: "src/client/index.ts",
  introduction: "How to use them together is told, with samples, in [`docs/client.md`](../client.md).",
  concepts: [
    {
      title: "Connecting",
      guide: "../client.md#connect",
      files: [
        "src/client/index.ts",
        "src/client/transport/connect.ts",
        "src/client/transport/https-transport.ts",
      ],
    },
    {
      title: "Reading and writing",
      guide: "../client.md#read-and-write",
      files: ["src/client/client.ts", "src/client/rest-client.ts"],
    },
    {
      title: "Pods at work, waiting",
      guide: "../client.md#pods-at-work-waiting",
      files: ["src/client/pod-operations.ts", "src/client/wait-for.ts"],
    },
    {
      title: "Streams of pods",
      guide: "../client.md#streams-of-pods",
      files: [
        "src/client/pod-streams.ts",
        "src/client/transport/run-in-pod.ts",
        "src/client/transport/terminal.ts",
        "src/client/transport/port-forward.ts",
        "src/client/transport/copy-files.ts",
        "src/client/transport/stream-address.ts",
        "src/client/streaming/",
      ],
    },
    {
      title: "Errors",
      guide: "../client.md#read-and-write",
      files: ["src/apimachinery/api-error.ts", "src/client/transport-error.ts"],
    },
    {
      title: "Objects and kinds",
      guide: "../client.md#custom-resources",
      files: ["src/apimachinery/meta.ts"],
    },
    {
      title: "Controllers and their manager",
      guide: "../client.md#a-controller-and-its-manager",
      files: [
        "src/client/manager/manager.ts",
        "src/client/manager/manager-options.ts",
        "src/client/manager/controller.ts",
        "src/client/manager/cache-reader.ts",
        "src/client/transport/process.ts",
        "src/client/manager/health.ts",
      ],
    },
    {
      title: "What wakes a controller",
      guide: "../client.md#what-wakes-a-controller",
      files: ["src/client/manager/source.ts", "src/client/manager/predicates.ts"],
    },
    { title: "Server-side apply", guide: "../client.md#server-side-apply", files: ["src/client/apply.ts"] },
    {
      title: "Owners, finalizers, conditions",
      guide: "../client.md#owners-finalizers-conditions",
      files: [
        "src/client/owner-references.ts",
        "src/client/finalizers.ts",
        "src/client/conditions.ts",
        "src/client/create-or-update.ts",
      ],
    },
    {
      title: "Informers",
      guide: "../client.md#informers",
      files: [
        "src/client/informer.ts",
        "src/client/informer-factory.ts",
        "src/client/shared-informer.ts",
        "src/client/reflector-machine.ts",
      ],
    },
    {
      title: "Work queue",
      guide: "../client.md#work-queue",
      files: ["src/client/work-queue.ts", "src/client/workers.ts"],
    },
    {
      title: "Leader election",
      guide: "../client.md#leader-election",
      files: ["src/client/leader-election.ts"],
    },
    { title: "Events", guide: "../client.md#events", files: ["src/client/event-recorder.ts"] },
    {
      title: "Metrics",
      guide: "../client.md#health-and-metrics",
      files: ["src/client/manager/metrics.ts", "src/client/transport/prometheus-metrics.ts"],
    },
    { title: "Time, chance, logs", guide: "../client.md#tests-on-virtual-time", files: ["src/base/"] },
    { title: "What a transport carries", files: ["src/client/exchange.ts"] },
  ],
};

const testing: Page = {
  file: "testing.md",
  module: "k8ts/testing",
  source: "src/testing/index.ts",
  introduction: "How to use it is told, with samples, in [`docs/testing.md`](../testing.md).",
  concepts: [
    { title: "The cluster", files: ["src/testing/index.ts", "src/testing/cluster-types.ts"] },
    {
      title: "Faults",
      guide: "../testing.md#faults",
      files: ["src/testing/faults.ts", "src/testing/request-match.ts"],
    },
    {
      title: "Webhooks",
      guide: "../testing.md#kinds-of-your-own-webhooks-namespaces",
      files: ["src/testing/webhooks.ts"],
    },
    {
      title: "Metrics and aggregated APIs",
      guide: "../testing.md#metrics-and-aggregated-apis",
      files: ["src/testing/extension-apis.ts"],
    },
    { title: "Other clients", guide: "../testing.md#other-clients", files: ["src/testing/kubeconfig.ts"] },
    {
      title: "What the containers do",
      guide: "../testing.md#what-the-containers-do",
      files: ["src/testing/", "src/cmd/compose/", "src/kubelet/cri/"],
    },
  ],
};

export const pages: readonly Page[] = [client, testing];
