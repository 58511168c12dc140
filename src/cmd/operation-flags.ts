import type { Command } from "commander";
import type { OperationOptions } from "./compose/operation-options.ts";
import type { OperationFlags } from "./read-operation-flags.ts";

/** [flag's words, member of OperationFlags, what it does]; a value in brackets may be left out: true. */
const definitions: readonly (readonly [string, keyof OperationFlags, string])[] = [
  ["--audit-policy-file <file>", "auditPolicyFile", "an audit Policy: which requests are recorded, and how"],
  ["--audit-log-path <file>", "auditLogPath", "where they are recorded; -: standard output"],
  [
    "--audit-log-maxage <days>",
    "auditLogMaxage",
    "how long logs put aside are kept; 366 unless said, 0: for ever",
  ],
  [
    "--audit-log-maxbackup <n>",
    "auditLogMaxbackup",
    "how many logs put aside are kept; 100 unless said, 0: all",
  ],
  ["--audit-log-maxsize <megabytes>", "auditLogMaxsize", "when a log is put aside; 100 unless said"],
  ["--audit-log-format <format>", "auditLogFormat", "json or legacy; json unless said"],
  ["--audit-log-compress [bool]", "auditLogCompress", "compress logs that are put aside"],
  ["--audit-log-truncate-enabled [bool]", "auditLogTruncateEnabled", "leave the bodies of large events out"],
  [
    "--audit-log-truncate-max-event-size <bytes>",
    "auditLogTruncateMaxEventSize",
    "what is large; 102400 unless said",
  ],
  [
    "--audit-webhook-config-file <file>",
    "auditWebhookConfigFile",
    "a kubeconfig of the server that events are sent to",
  ],
  [
    "--audit-webhook-batch-buffer-size <n>",
    "auditWebhookBatchBufferSize",
    "events that may wait; 10000 unless said",
  ],
  ["--audit-webhook-batch-max-size <n>", "auditWebhookBatchMaxSize", "events sent at once; 400 unless said"],
  [
    "--audit-webhook-batch-max-wait <duration>",
    "auditWebhookBatchMaxWait",
    "how long a batch waits for more; 30s unless said",
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
    "--encryption-provider-config <file>",
    "encryptionProviderConfig",
    "an EncryptionConfiguration: what lies encrypted at rest, and with which keys",
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
    "how long history is kept; 5m0s unless said, 0: it is not compacted",
  ],
  [
    "--shutdown-delay-duration <duration>",
    "shutdownDelayDuration",
    "how long all is served after /readyz says no; 0s unless said",
  ],
  [
    "--shutdown-send-retry-after [bool]",
    "shutdownSendRetryAfter",
    "while it stops, tell clients to come again (429), instead of 503",
  ],
  [
    "--max-requests-inflight <n>",
    "maxRequestsInflight",
    "with the next: the server's seats; 400 unless said",
  ],
  ["--max-mutating-requests-inflight <n>", "maxMutatingRequestsInflight", "200 unless said"],
  [
    "--enable-priority-and-fairness <bool>",
    "enablePriorityAndFairness",
    "share the seats fairly, and let requests wait for them; true unless said",
  ],
  [
    "--request-timeout <duration>",
    "requestTimeout",
    "what a request that does not stream may take; 1m0s unless said",
  ],
  [
    "--goaway-chance <probability>",
    "goawayChance",
    "how probably a request ends its HTTP/2 connection, at most 0.02; 0 unless said",
  ],
  ["--profiling <bool>", "profiling", "serve /debug/pprof/; true unless said"],
];

/** Adds the flags to a command, under a heading of their own. */
export function withOperationFlags(command: Command): Command {
  command.optionsGroup("How the API server is run (as kube-apiserver's):");
  for (const [words, , description] of definitions) {
    // Alone, such a flag says yes.
    if (words.endsWith("[bool]")) command.option(words, description, (value: string) => value);
    else command.option(words, description);
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
