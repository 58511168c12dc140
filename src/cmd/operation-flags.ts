import type { Command } from "commander";
import type { OperationOptions } from "./compose/operation-options.ts";
import type { OperationFlags } from "./read-operation-flags.ts";

/** [flag's words, member of OperationFlags, what it does]; a value in brackets may be left out: true. */
type Definition = readonly [string, keyof OperationFlags, string];

const groups: readonly { readonly heading: string; readonly flags: readonly Definition[] }[] = [
  {
    heading: "Audit (as kube-apiserver's):",
    flags: [
      [
        "--audit-policy-file <file>",
        "auditPolicyFile",
        "an audit Policy: which requests are recorded, and how",
      ],
      ["--audit-log-path <file>", "auditLogPath", "where they are recorded; -: standard output"],
      [
        "--audit-log-maxsize <megabytes>",
        "auditLogMaxsize",
        "when a log is put aside; 100 unless said, 0: never",
      ],
      ["--audit-log-maxbackup <n>", "auditLogMaxbackup", "how many are kept; 100 unless said, 0: all"],
      ["--audit-log-maxage <days>", "auditLogMaxage", "how long they are kept; 366 unless said, 0: for ever"],
      ["--audit-log-compress [bool]", "auditLogCompress", "compress those that are put aside"],
      ["--audit-log-format <format>", "auditLogFormat", "json or legacy; json unless said"],
      ["--audit-log-version <version>", "auditLogVersion", "audit.k8s.io/v1"],
      [
        "--audit-log-mode <mode>",
        "auditLogMode",
        "batch, blocking (requests wait for the log) or blocking-strict; blocking unless said",
      ],
      [
        "--audit-log-batch-buffer-size <n>",
        "auditLogBatchBufferSize",
        "events that may wait; 10000 unless said",
      ],
      ["--audit-log-batch-max-size <n>", "auditLogBatchMaxSize", "events written at once; 1 unless said"],
      [
        "--audit-log-batch-max-wait <duration>",
        "auditLogBatchMaxWait",
        "how long a batch waits for more; 30s unless said",
      ],
      [
        "--audit-log-batch-throttle-enable [bool]",
        "auditLogBatchThrottleEnable",
        "limit the batches; false unless said",
      ],
      [
        "--audit-log-batch-throttle-qps <n>",
        "auditLogBatchThrottleQps",
        "to so many a second; 10 unless said",
      ],
      [
        "--audit-log-batch-throttle-burst <n>",
        "auditLogBatchThrottleBurst",
        "after so many at once; 15 unless said",
      ],
      [
        "--audit-log-truncate-enabled [bool]",
        "auditLogTruncateEnabled",
        "leave the bodies of large events out",
      ],
      [
        "--audit-log-truncate-max-event-size <bytes>",
        "auditLogTruncateMaxEventSize",
        "what is large; 102400 unless said",
      ],
      [
        "--audit-log-truncate-max-batch-size <bytes>",
        "auditLogTruncateMaxBatchSize",
        "at least as much; 10485760 unless said: events are cut before they are put together",
      ],
      [
        "--audit-webhook-config-file <file>",
        "auditWebhookConfigFile",
        "a kubeconfig of the server that events are sent to",
      ],
      ["--audit-webhook-version <version>", "auditWebhookVersion", "audit.k8s.io/v1"],
      [
        "--audit-webhook-initial-backoff <duration>",
        "auditWebhookInitialBackoff",
        "the wait after a first failure; 10s unless said",
      ],
      [
        "--audit-webhook-mode <mode>",
        "auditWebhookMode",
        "batch, blocking (requests wait for the webhook) or blocking-strict; batch unless said",
      ],
      [
        "--audit-webhook-batch-buffer-size <n>",
        "auditWebhookBatchBufferSize",
        "events that may wait; 10000 unless said",
      ],
      [
        "--audit-webhook-batch-max-size <n>",
        "auditWebhookBatchMaxSize",
        "events sent at once; 400 unless said",
      ],
      [
        "--audit-webhook-batch-max-wait <duration>",
        "auditWebhookBatchMaxWait",
        "how long a batch waits for more; 30s unless said",
      ],
      [
        "--audit-webhook-batch-throttle-enable [bool]",
        "auditWebhookBatchThrottleEnable",
        "limit the batches; true unless said",
      ],
      [
        "--audit-webhook-batch-throttle-qps <n>",
        "auditWebhookBatchThrottleQps",
        "to so many a second; 10 unless said",
      ],
      [
        "--audit-webhook-batch-throttle-burst <n>",
        "auditWebhookBatchThrottleBurst",
        "after so many at once; 15 unless said",
      ],
      [
        "--audit-webhook-truncate-enabled [bool]",
        "auditWebhookTruncateEnabled",
        "leave the bodies of large events out",
      ],
      [
        "--audit-webhook-truncate-max-event-size <bytes>",
        "auditWebhookTruncateMaxEventSize",
        "what is large; 102400 unless said",
      ],
      [
        "--audit-webhook-truncate-max-batch-size <bytes>",
        "auditWebhookTruncateMaxBatchSize",
        "at least as much; 10485760 unless said: events are cut before they are put together",
      ],
    ],
  },
  {
    heading: "Storage (as kube-apiserver's):",
    flags: [
      [
        "--encryption-provider-config <file>",
        "encryptionProviderConfig",
        "an EncryptionConfiguration: what lies encrypted, with which keys",
      ],
      [
        "--encryption-provider-config-automatic-reload [bool]",
        "encryptionProviderConfigAutomaticReload",
        "read it again when it changes",
      ],
      ["--event-ttl <duration>", "eventTtl", "how long events are kept; 1h0m0s unless said"],
      [
        "--etcd-compaction-interval <duration>",
        "etcdCompactionInterval",
        "how long history is kept; 5m0s unless said, 0: for ever",
      ],
    ],
  },
  {
    heading: "Admission (as kube-apiserver's):",
    flags: [
      [
        "--enable-admission-plugins <names>",
        "enableAdmissionPlugins",
        "plugins beside those that are on by default, comma-separated, in any order",
      ],
      ["--disable-admission-plugins <names>", "disableAdmissionPlugins", "plugins to leave out"],
      [
        "--admission-control-config-file <file>",
        "admissionControlConfigFile",
        "an AdmissionConfiguration: what plugins are told",
      ],
    ],
  },
  {
    heading: "Load (as kube-apiserver's):",
    flags: [
      [
        "--max-requests-inflight <n>",
        "maxRequestsInflight",
        "requests at once, added to the next; 400 unless said",
      ],
      [
        "--max-mutating-requests-inflight <n>",
        "maxMutatingRequestsInflight",
        "requests at once, added to the last; 200 unless said",
      ],
      [
        "--enable-priority-and-fairness <bool>",
        "enablePriorityAndFairness",
        "share them fairly and let requests wait; true unless said",
      ],
      [
        "--request-timeout <duration>",
        "requestTimeout",
        "what a request that does not stream may take; 1m0s unless said",
      ],
      [
        "--min-request-timeout <seconds>",
        "minRequestTimeout",
        "how long a watch lasts at least that says nothing of it; 1800 unless said",
      ],
      [
        "--goaway-chance <probability>",
        "goawayChance",
        "how probably a request ends its connection; 0 unless said, 0.02 at most",
      ],
      ["--profiling <bool>", "profiling", "serve /debug/pprof/; true unless said"],
    ],
  },
  {
    heading: "What is served (as kube-apiserver's):",
    flags: [
      [
        "--feature-gates <list>",
        "featureGates",
        "name=true or name=false; known ones as they are by default, others are refused",
      ],
      [
        "--runtime-config <list>",
        "runtimeConfig",
        "group/version=false: not served; what is not there and what k8ts lives on is refused",
      ],
    ],
  },
  {
    heading: "Stopping (as kube-apiserver's):",
    flags: [
      [
        "--shutdown-delay-duration <duration>",
        "shutdownDelayDuration",
        "how long all is served after /readyz says no; 0s unless said",
      ],
      [
        "--shutdown-send-retry-after [bool]",
        "shutdownSendRetryAfter",
        "meanwhile tell clients to come again (429), instead of 503",
      ],
    ],
  },
];

const definitions = groups.flatMap(({ flags }) => flags);

/** Adds the flags to a command, under headings of their own. */
export function withOperationFlags(command: Command): Command {
  for (const { heading, flags } of groups) {
    command.optionsGroup(heading);
    for (const [words, , description] of flags) {
      // Alone, such a flag says yes.
      if (words.endsWith("[bool]")) command.option(words, description, (value: string) => value);
      else command.option(words, description);
    }
  }
  return command;
}

/** The flags again as words of a command line. */
export function operationWords(flags: OperationFlags): string[] {
  return definitions.flatMap(([words, member]) => {
    const [flag = ""] = words.split(" ");
    const value = flags[member];
    // Commander has `true` for a flag that stands alone.
    return value === undefined ? [] : [`${flag}=${String(value)}`];
  });
}

/** Undefined where no flag was given. Throws UserError. */
export async function parseOperationFlags(flags: OperationFlags): Promise<OperationOptions | undefined> {
  if (operationWords(flags).length === 0) return undefined;
  const { readOperationFlags } = await import("./read-operation-flags.ts");
  return readOperationFlags(flags);
}
