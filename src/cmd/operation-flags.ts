import type { Command } from "commander";
import type { OperationOptions } from "./compose/operation-options.ts";
import { type FlagGroup, flagWords, withFlagGroups } from "./flag-groups.ts";
import type { OperationFlags } from "./read-operation-flags.ts";

const groups: readonly FlagGroup<OperationFlags>[] = [
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
        "--enable-admission-plugins <list>",
        "enableAdmissionPlugins",
        "plugins beside those that are on by default, comma-separated, in any order",
      ],
      ["--disable-admission-plugins <list>", "disableAdmissionPlugins", "plugins to leave out"],
      [
        "--admission-control-config-file <file>",
        "admissionControlConfigFile",
        "an AdmissionConfiguration: what plugins are told",
      ],
      [
        "--default-not-ready-toleration-seconds <n>",
        "defaultNotReadyTolerationSeconds",
        "how long pods that do not say stay on a node that is not ready; 300 unless said",
      ],
      [
        "--default-unreachable-toleration-seconds <n>",
        "defaultUnreachableTolerationSeconds",
        "the same for one that is not reachable; 300 unless said",
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
        "--livez-grace-period <duration>",
        "livezGracePeriod",
        "how long /livez takes a server that starts for one that lives; 0s unless said",
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
    heading: "Connections (as kube-apiserver's):",
    flags: [
      [
        "--tls-min-version <version>",
        "tlsMinVersion",
        "VersionTLS10 to VersionTLS13; VersionTLS12 unless said",
      ],
      [
        "--tls-cipher-suites <list>",
        "tlsCipherSuites",
        "what is taken of TLS up to 1.2, by Go's names, such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      ],
      [
        "--tls-curve-preferences <list>",
        "tlsCurvePreferences",
        "how keys are exchanged, by Go's numbers: 23 (P-256), 24, 25, 29 (X25519), 4587, 4588, 4589",
      ],
      ["--disable-http2-serving [bool]", "disableHttp2Serving", "HTTP/1.1 alone; false unless said"],
      [
        "--http2-max-streams-per-connection <n>",
        "http2MaxStreamsPerConnection",
        "requests at once on a connection; 250 unless said",
      ],
      [
        "--permit-port-sharing [bool]",
        "permitPortSharing",
        "others may listen on the same port (SO_REUSEPORT); false unless said",
      ],
      [
        "--permit-address-sharing [bool]",
        "permitAddressSharing",
        "others may listen on the port at other addresses (SO_REUSEADDR), as is always so",
      ],
      [
        "--cors-allowed-origins <list>",
        "corsAllowedOrigins",
        "pages that may ask: regular expressions of origins, such as '//example\\.com(:|$)'",
      ],
      [
        "--strict-transport-security-directives <list>",
        "strictTransportSecurityDirectives",
        "how browsers insist on HTTPS: max-age=31536000,includeSubDomains,preload",
      ],
      [
        "--external-hostname <name>",
        "externalHostname",
        "how others reach it: in discovery, and where keys of tokens are found",
      ],
      [
        "--service-node-port-range <first-last>",
        "serviceNodePortRange",
        "ports of services on nodes; 30000-32767 unless said",
      ],
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

/** Adds the flags to a command, under headings of their own. */
export function withOperationFlags(command: Command): Command {
  return withFlagGroups(command, groups);
}

/** The flags again as words of a command line. */
export function operationWords(flags: OperationFlags): string[] {
  return flagWords(groups, flags);
}

/** Undefined where no flag was given. Throws UserError. */
export async function parseOperationFlags(flags: OperationFlags): Promise<OperationOptions | undefined> {
  if (operationWords(flags).length === 0) return undefined;
  const { readOperationFlags } = await import("./read-operation-flags.ts");
  return readOperationFlags(flags);
}
