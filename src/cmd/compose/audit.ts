import { readFile } from "node:fs/promises";
import { AuditMetrics } from "../../apiserver/audit/audit-metrics.ts";
import { type Auditor, createAuditor } from "../../apiserver/audit/auditor.ts";
import { blockingBackend } from "../../apiserver/audit/blocking-backend.ts";
import { bufferedBackend } from "../../apiserver/audit/buffered-backend.ts";
import type { AuditBackend, AuditSink } from "../../apiserver/audit/event.ts";
import { RotatingFile } from "../../apiserver/audit/log-file/rotating-file.ts";
import { type LogTarget, logSink } from "../../apiserver/audit/log-sink.ts";
import { readAuditPolicy } from "../../apiserver/audit/policy.ts";
import { truncatingBackend } from "../../apiserver/audit/truncate.ts";
import { webhookSink } from "../../apiserver/audit/webhook-sink.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { resolveContext } from "../../client/kubeconfig.ts";
import { loadKubeconfig } from "../../client/transport/connect.ts";
import { connectionOf } from "../../client/transport/connection.ts";
import { createHttpsTransport } from "../../client/transport/https-transport.ts";
import { UserError } from "../user-error.ts";
import type { AuditLogOptions, AuditMode, AuditOptions, AuditWebhookOptions } from "./operation-options.ts";

interface AuditDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The audit log as an administrator wants it. `close` writes what is left. */
export interface ComposedAudit {
  readonly auditor: Auditor;
  close(): Promise<void>;
}

/** Rejects with UserError for files that cannot be read or used. */
export async function composeAudit(
  { policyFile, log, webhook }: AuditOptions,
  dependencies: AuditDependencies,
): Promise<ComposedAudit> {
  const policy = await loadPolicy(policyFile);
  const { clock, logger } = dependencies;
  const metrics = new AuditMetrics();
  const backendFor = (plugin: string, sink: AuditSink, options: AuditLogOptions | AuditWebhookOptions) => {
    const failed = (error: unknown, events: number) => {
      metrics.failed(plugin, events);
      logger.error({ plugin, error: String(error), events }, "audit events could not be recorded");
    };
    return truncated(backendOf(sink, options.mode, { clock, failed }), options.maxEventBytes, dependencies);
  };
  const backends = [
    ...(log === undefined ? [] : [backendFor("log", logTo(log, dependencies), log)]),
    ...(webhook === undefined ? [] : [backendFor("webhook", await sendTo(webhook, dependencies), webhook)]),
  ];
  return {
    auditor: createAuditor({ policy, backends, clock, metrics }),
    async close() {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

function backendOf(
  sink: AuditSink,
  mode: AuditMode,
  shared: { readonly clock: Clock; readonly failed: (error: unknown, events: number) => void },
): AuditBackend {
  return mode.type === "batch"
    ? bufferedBackend({ sink, limits: mode.limits, ...shared })
    : blockingBackend({ sink, isStrict: mode.type === "blocking-strict", ...shared });
}

async function loadPolicy(path: string) {
  try {
    const { parse } = await import("yaml");
    return readAuditPolicy(parse(await readFile(path, "utf8")));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`--audit-policy-file: ${why}: from file ${path}`, { cause });
  }
}

function truncated(
  backend: AuditBackend,
  maxEventBytes: number | undefined,
  { logger }: AuditDependencies,
): AuditBackend {
  if (maxEventBytes === undefined) return backend;
  const lost = ({ auditID }: { readonly auditID: string }) =>
    logger.error({ auditID }, "an audit event is too large even after truncating");
  return truncatingBackend(backend, { maxEventBytes, lost });
}

function logTo(options: AuditLogOptions, { clock }: AuditDependencies): AuditSink {
  const { path, format } = options;
  return logSink({ target: path === "-" ? standardOutput : new RotatingFile({ ...options, clock }), format });
}

const standardOutput: LogTarget = {
  append: (lines) =>
    new Promise((resolve, reject) => {
      process.stdout.write(lines, (error) => (error ? reject(error) : resolve()));
    }),
  async close() {},
};

async function sendTo(
  { kubeconfig, initialBackoffMs }: AuditWebhookOptions,
  dependencies: AuditDependencies,
): Promise<AuditSink> {
  const loaded = await loadKubeconfig([kubeconfig]).catch((cause: Error) => {
    throw new UserError(`--audit-webhook-config-file: ${cause.message}`, { cause });
  });
  const transport = createHttpsTransport(await connectionOf(resolveContext(loaded)));
  return webhookSink({
    ...dependencies,
    initialBackoffMs,
    close: () => transport.close(),
    async post(list, { signal }) {
      const { status } = await transport.send({
        method: "POST",
        path: "",
        query: new URLSearchParams(),
        headers: { "content-type": "application/json", accept: "application/json" },
        body: { object: list },
        signal,
      });
      if (status < 200 || status > 299) throw new Error(`the webhook answered ${status}`);
    },
  });
}
