import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { ValueTransformer } from "../storage.ts";
import { type EncryptionConfiguration, readEncryptionConfiguration } from "./configuration.ts";
import type { KmsProvider } from "./kms/kms-provider.ts";
import { createTransformer } from "./transformer.ts";

/** As upstream looks whether the file has changed. */
const reloadPeriodMs = 60_000;
/** How long plugins of a changed file may take until they are healthy, at least. */
const minPatienceMs = 10_000;
const askAgainMs = 100;

export interface EncryptionFileOptions {
  readonly path: string;
  /** Looks every minute whether the file has changed; what cannot be used is logged, and the last that could stays. */
  readonly reload: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of each reload. */
  readonly reloaded?: (status: "success" | "failure", nowMs: number) => void;
}

/** Encryption at rest as a file says it (`--encryption-provider-config`). */
export interface FileEncryption {
  readonly transformer: ValueTransformer;
  /** Rejects with what the plugins lack; absent where there are none, and none may come. */
  readonly checkPlugins?: () => Promise<void>;
  stop(): void;
}

/** Rejects with what is wrong with the file. A plugin that does not answer is not wrong: it may come. */
export async function openEncryptionFile(options: EncryptionFileOptions): Promise<FileEncryption> {
  const { path, reload, clock, logger, reloaded = () => {} } = options;
  let current = await load(options);
  let timer: Timer | undefined;
  const closing = new AbortController();
  const look = async () => {
    try {
      const next = await load(options, current.digest);
      if (next !== undefined) {
        await untilHealthy(next, clock, closing.signal);
        retire(current, clock, closing.signal);
        current = next;
        logger.info({ path }, "the encryption configuration was reloaded");
        reloaded("success", clock.now());
      }
    } catch (error) {
      reloaded("failure", clock.now());
      logger.error({ path, error: String(error) }, "the encryption configuration could not be reloaded");
    }
    if (!closing.signal.aborted) arm();
  };
  const arm = () => {
    timer = clock.setTimer(reloadPeriodMs, () => void look());
  };
  if (reload) arm();
  const watchesPlugins = reload || current.plugins.size > 0;
  return {
    transformer: {
      seal: (key, bytes) => current.transformer.seal(key, bytes),
      open: (key, bytes) => current.transformer.open(key, bytes),
      sealerOf: (key) => current.transformer.sealerOf(key),
      ...(watchesPlugins && {
        prepare: (key: string, bytes: Uint8Array) => current.transformer.prepare?.(key, bytes),
        assertSealable: (key: string) => current.transformer.assertSealable?.(key),
      }),
    },
    ...(watchesPlugins && { checkPlugins: () => checkPlugins(current) }),
    stop() {
      closing.abort();
      timer?.cancel();
      stop(current);
    },
  };
}

interface Loaded {
  readonly digest: string;
  readonly transformer: ValueTransformer;
  readonly plugins: ReadonlyMap<string, KmsProvider>;
  /** For how long calls to its plugins may be under way. */
  readonly graceMs: number;
}

function stop({ plugins }: Pick<Loaded, "plugins">): void {
  for (const plugin of plugins.values()) plugin.stop();
}

/** Ends a configuration's plugins once what was begun with them is done. */
function retire(loaded: Loaded, clock: Clock, signal: AbortSignal): void {
  sleep(clock, loaded.graceMs, { signal }).then(
    () => stop(loaded),
    () => stop(loaded),
  );
}

async function checkPlugins({ plugins }: Loaded): Promise<void> {
  const results = await Promise.allSettled([...plugins.values()].map((plugin) => plugin.check()));
  const faults = results.flatMap((result, index) =>
    result.status === "fulfilled" ? [] : [`kms-provider-${index}: ${message(result.reason)}`],
  );
  if (faults.length > 0) throw new Error(faults.length === 1 ? faults.join() : `[${faults.join(", ")}]`);
}

async function untilHealthy(loaded: Loaded, clock: Clock, signal: AbortSignal): Promise<void> {
  const giveUpAtMs = clock.now() + Math.max(loaded.graceMs, minPatienceMs);
  for (;;) {
    try {
      return await checkPlugins(loaded);
    } catch (error) {
      if (clock.now() >= giveUpAtMs || signal.aborted) {
        stop(loaded);
        throw error;
      }
    }
    await sleep(clock, askAgainMs, { signal }).catch(() => {});
  }
}

type Loading = Pick<EncryptionFileOptions, "path" | "clock" | "logger">;

/** What of it waits for disks and threads holds the clock, each for itself; plugins hold it while they are asked. */
async function load(loading: Loading): Promise<Loaded>;
async function load(loading: Loading, known: string): Promise<Loaded | undefined>;
async function load(loading: Loading, known?: string): Promise<Loaded | undefined> {
  const { path, clock } = loading;
  const read = await clock.hold(readFileOnce(path, known));
  if (read === undefined) return undefined;
  const { digest, configuration } = read;
  try {
    const { plugins, graceMs } = await openPlugins(configuration, loading);
    try {
      const transformer = await clock.hold(createTransformer(configuration, plugins));
      return { digest, transformer, plugins, graceMs };
    } catch (error) {
      stop({ plugins });
      throw error;
    }
  } catch (cause) {
    throw fileError(path, message(cause));
  }
}

/** Undefined: it is what is known. */
async function readFileOnce(path: string, known: string | undefined) {
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
    return { digest, configuration: readEncryptionConfiguration(parse(text)) };
  } catch (cause) {
    // A parser's message may show lines of the file, and those hold keys.
    const isYaml = cause instanceof Error && cause.name === "YAMLParseError";
    throw fileError(path, isYaml ? "it is no YAML" : message(cause));
  }
}

function fileError(path: string, why: string): Error {
  return new Error(`encryption provider configuration file ${JSON.stringify(path)}: ${why}`);
}

/** Asks each plugin once before it resolves, whatever it says. */
async function openPlugins(
  { resources }: EncryptionConfiguration,
  { clock, logger }: Loading,
): Promise<Pick<Loaded, "plugins" | "graceMs">> {
  const configured = resources.flatMap(({ providers }) => providers.flatMap(({ kms }) => kms ?? []));
  const plugins = new Map<string, KmsProvider>();
  if (configured.length === 0) return { plugins, graceMs: 0 };
  if (configured.some(({ apiVersion }) => apiVersion === "v1"))
    throw new Error(
      "KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.",
    );
  const [{ connectKms }, { KmsProvider }] = await clock.hold(
    Promise.all([import("./kms/kms-service.ts"), import("./kms/kms-provider.ts")]),
  );
  for (const { name, endpoint, timeoutMs } of configured) {
    const service = connectKms(endpoint, timeoutMs);
    plugins.set(name, new KmsProvider({ name, service, clock, logger }));
  }
  await Promise.all([...plugins.values()].map((plugin) => plugin.start()));
  const timeoutsMs = configured.reduce((sum, { timeoutMs }) => sum + timeoutMs, 0);
  return { plugins, graceMs: 2 * timeoutsMs };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
