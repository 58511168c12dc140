import { readFile } from "node:fs/promises";
import { type Auditor, createAuditor } from "../../apiserver/audit/auditor.ts";
import type { AuditBackend } from "../../apiserver/audit/event.ts";
import { type LogTarget, logBackend } from "../../apiserver/audit/log-backend.ts";
import { RotatingFile } from "../../apiserver/audit/log-file/rotating-file.ts";
import { readAuditPolicy } from "../../apiserver/audit/policy.ts";
import { truncatingBackend } from "../../apiserver/audit/truncate.ts";
import { webhookBackend } from "../../apiserver/audit/webhook-backend.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { resolveContext } from "../../client/kubeconfig.ts";
import { loadKubeconfig } from "../../client/transport/connect.ts";
import { connectionOf } from "../../client/transport/connection.ts";
import { createHttpsTransport } from "../../client/transport/https-transport.ts";
import { UserError } from "../user-error.ts";
import type { AuditLogOptions, AuditOptions, AuditWebhookOptions } from "./operation-options.ts";

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
  const backends = [
    ...(log === undefined ? [] : [truncated(logTo(log, dependencies), log.maxEventBytes, dependencies)]),
    ...(webhook === undefined
      ? []
      : [truncated(await sendTo(webhook, dependencies), webhook.maxEventBytes, dependencies)]),
  ];
  return {
    auditor: createAuditor({ policy, backends, clock: dependencies.clock }),
    async close() {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
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

function logTo(options: AuditLogOptions, { clock, logger }: AuditDependencies): AuditBackend {
  const { path, format } = options;
  const target = path === "-" ? standardOutput : new RotatingFile({ ...options, clock });
  return logBackend({ target, format, logger });
}

const standardOutput: LogTarget = {
  append: (lines) =>
    new Promise((resolve, reject) => {
      process.stdout.write(lines, (error) => (error ? reject(error) : resolve()));
    }),
  async close() {},
};

async function sendTo(
  { kubeconfig, limits }: AuditWebhookOptions,
  dependencies: AuditDependencies,
): Promise<AuditBackend> {
  const loaded = await loadKubeconfig([kubeconfig]).catch((cause: Error) => {
    throw new UserError(`--audit-webhook-config-file: ${cause.message}`, { cause });
  });
  const transport = createHttpsTransport(await connectionOf(resolveContext(loaded)));
  const backend = webhookBackend({
    ...dependencies,
    limits,
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
  return {
    process: (event) => backend.process(event),
    async close() {
      await backend.close();
      await transport.close();
    },
  };
}
