import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { ValueTransformer } from "../storage.ts";
import { readEncryptionConfiguration } from "./configuration.ts";
import { createTransformer } from "./transformer.ts";

/** As upstream looks whether the file has changed. */
const reloadPeriodMs = 60_000;

export interface EncryptionFileOptions {
  readonly path: string;
  /** Looks every minute whether the file has changed; what cannot be used is logged, and the last that could stays. */
  readonly reload: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Encryption at rest as a file says it (`--encryption-provider-config`). */
export interface FileEncryption {
  readonly transformer: ValueTransformer;
  stop(): void;
}

/** Rejects with what is wrong with the file. */
export async function openEncryptionFile({
  path,
  reload,
  clock,
  logger,
}: EncryptionFileOptions): Promise<FileEncryption> {
  let loaded = await load(path);
  let timer: Timer | undefined;
  let stopped = false;
  const look = async () => {
    try {
      const next = await clock.hold(load(path, loaded.digest));
      if (next !== undefined) {
        loaded = next;
        logger.info({ path }, "the encryption configuration was reloaded");
      }
    } catch (error) {
      logger.error({ path, error: String(error) }, "the encryption configuration could not be reloaded");
    }
    if (!stopped) arm();
  };
  const arm = () => {
    timer = clock.setTimer(reloadPeriodMs, () => void look());
  };
  if (reload) arm();
  return {
    transformer: {
      seal: (key, bytes) => loaded.transformer.seal(key, bytes),
      open: (key, bytes) => loaded.transformer.open(key, bytes),
      sealerOf: (key) => loaded.transformer.sealerOf(key),
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

interface Loaded {
  readonly digest: string;
  readonly transformer: ValueTransformer;
}

async function load(path: string): Promise<Loaded>;
async function load(path: string, known: string): Promise<Loaded | undefined>;
async function load(path: string, known?: string): Promise<Loaded | undefined> {
  const quoted = JSON.stringify(path);
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new Error(`error reading encryption provider configuration file ${quoted}: ${cause.message}`, {
      cause,
    });
  });
  if (text === "") throw new Error(`encryption provider configuration file ${quoted} is empty`);
  const digest = createHash("sha256").update(text).digest("hex");
  if (digest === known) return undefined;
  const { parse } = await import("yaml");
  try {
    const transformer = await createTransformer(readEncryptionConfiguration(parse(text)));
    return { digest, transformer };
  } catch (cause) {
    // A parser's message may show lines of the file, and those hold keys.
    const why = cause instanceof Error && cause.name === "YAMLParseError" ? "it is no YAML" : message(cause);
    throw new Error(`encryption provider configuration file ${quoted}: ${why}`);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
