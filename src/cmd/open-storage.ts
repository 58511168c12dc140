import type { Logger } from "../base/log.ts";
import { systemClock } from "../base/system-clock.ts";
import { createMemoryStorage } from "../storage/memory/memory-storage.ts";
import type { Storage, ValueTransformer } from "../storage/storage.ts";
import type { UpOptions } from "./up-options.ts";
import { UserError } from "./user-error.ts";

/** The cluster's store, as the options want it. Rejects with UserError. */
export async function openStorage(
  options: UpOptions,
  { directory, logger }: { readonly directory: string; readonly logger: Logger },
): Promise<{ readonly storage: Storage; readonly close: () => Promise<void> }> {
  // What is only in memory lies nowhere at rest.
  if (options.storage === "memory") {
    const storage = createMemoryStorage({ clock: systemClock });
    return { storage, close: () => storage.close() };
  }
  const encryption = await encryptionOf(options, logger);
  try {
    const storage = await openSqlite(options, directory, encryption?.transformer);
    const close = async () => {
      encryption?.stop();
      await storage.close();
    };
    return { storage, close };
  } catch (error) {
    encryption?.stop();
    throw error;
  }
}

async function encryptionOf({ operation }: UpOptions, logger: Logger) {
  if (operation?.encryption === undefined) return undefined;
  const { openEncryptionFile } = await import("../storage/encryption/encryption-file.ts");
  return openEncryptionFile({ ...operation.encryption, clock: systemClock, logger }).catch((cause: Error) => {
    throw new UserError(`--encryption-provider-config: ${cause.message}`, { cause });
  });
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
