import type { HealthCheck } from "../apiserver/health.ts";
import type { Logger } from "../base/log.ts";
import type { MetricSource } from "../base/metrics/family.ts";
import { systemClock } from "../base/system-clock.ts";
import { createMemoryStorage } from "../storage/memory/memory-storage.ts";
import type { Storage, ValueTransformer } from "../storage/storage.ts";
import { hashOf, serverIdentity } from "./compose/server-identity.ts";
import { storageSize } from "./storage-size.ts";
import type { UpOptions } from "./up-options.ts";
import { UserError } from "./user-error.ts";

export interface OpenedStorage {
  readonly storage: Storage;
  readonly close: () => Promise<void>;
  readonly storageChecks: readonly HealthCheck[];
  readonly metricSources: readonly MetricSource[];
}

/** The cluster's store, as the options want it. Rejects with UserError. */
export async function openStorage(
  options: UpOptions,
  { directory, logger }: { readonly directory: string; readonly logger: Logger },
): Promise<OpenedStorage> {
  // What is only in memory lies nowhere at rest.
  if (options.storage === "memory") {
    const storage = createMemoryStorage({ clock: systemClock });
    return { storage, close: () => storage.close(), storageChecks: [], metricSources: [] };
  }
  const { file: encryption, metricSources } = await encryptionOf(options, logger);
  try {
    const storage = await openSqlite(options, directory, encryption?.transformer);
    const check = encryption?.checkPlugins;
    const storageChecks = check === undefined ? [] : [{ name: "kms-providers", check }];
    const close = async () => {
      encryption?.stop();
      await storage.close();
    };
    return { storage, close, storageChecks, metricSources: [storageSize(directory), ...metricSources] };
  } catch (error) {
    encryption?.stop();
    throw error;
  }
}

async function encryptionOf({ operation }: UpOptions, logger: Logger) {
  if (operation?.encryption === undefined) return { metricSources: [] };
  const { openEncryptionFile } = await import("../storage/encryption/encryption-file.ts");
  const { ReloadMetrics } = await import("../apiserver/metrics/reload-metrics.ts");
  const reloads = new ReloadMetrics("encryption", hashOf(serverIdentity().name));
  const file = await openEncryptionFile({
    ...operation.encryption,
    clock: systemClock,
    logger,
    reloaded: (status, nowMs) => reloads.reloaded(status, nowMs),
  }).catch((cause: Error) => {
    throw new UserError(`--encryption-provider-config: ${cause.message}`, { cause });
  });
  return { file, metricSources: [reloads] };
}

async function openSqlite(
  options: UpOptions,
  directory: string,
  transformer: ValueTransformer | undefined,
): Promise<Storage> {
  const { openSqliteStorage, StoreLockedError } = await import("../storage/sqlite/sqlite-storage.ts");
  const encrypted = transformer === undefined ? {} : { transformer };
  try {
    return await openSqliteStorage({ directory, clock: systemClock, ...encrypted });
  } catch (error) {
    if (!(error instanceof StoreLockedError)) throw error;
    throw new UserError(
      `another k8ts uses ${options.dataDirectory}; stop it with: k8ts down, or choose another --data-dir`,
      { cause: error },
    );
  }
}
