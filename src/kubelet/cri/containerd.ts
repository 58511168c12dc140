import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Logger, silentLogger } from "../../base/log.ts";
import { importImages } from "../images/import-images.ts";
import { containerdImageMounts, mountsImagesItself } from "../images/mount-image.ts";
import { imageArchive } from "../images/oci-image.ts";
import { pauseImage, pauseImageName } from "../images/pause-image.ts";
import { containerdToml } from "./containerd-config.ts";
import {
  ContainerdSetupError,
  chooseSnapshotter,
  findBinaries,
  mayRaiseOomScore,
} from "./containerd-host.ts";
import { type DaemonProcess, launchDaemon, runningDaemon, stopProcess } from "./containerd-process.ts";
import { clearRemains } from "./containerd-remains.ts";
import { type DaemonKeeper, keepRunning } from "./daemon-keeper.ts";
import { connectRuntime } from "./grpc/connect.ts";
import type { ImageMounts, RuntimeConnection } from "./runtime.ts";

export interface ContainerdOptions {
  /** Where a private containerd keeps everything; also the scratch place of imports into a running one. */
  readonly directory: string;
  /** The socket of a containerd that runs already: it is used as it is, and never stopped. */
  readonly address?: string;
  /** Path of the network namespace that a private one runs in: "/run/netns/NAME". */
  readonly networkNamespace?: string;
  /** What pods of the host's network see as its name: a private one is then in a UTS namespace of its own. */
  readonly hostname?: string;
  /** Default: cni/net.d below the directory, made if missing; pods have a network once a .conflist is there. */
  readonly cniConfDirectory?: string;
  /** Default: /opt/cni/bin or /usr/lib/cni, where the bridge plugin is. */
  readonly cniBinDirectory?: string;
  /** A certs.d of hosts.toml files, one folder a registry. Default: certs.d below the directory. */
  readonly registryHostsDirectory?: string;
  /** Start a private one again whenever it has ended unasked. For the process that runs the node, and no other. */
  readonly keepRunning?: boolean;
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
}

export interface Containerd extends RuntimeConnection {
  /** The socket's path. */
  readonly address: string;
  readonly version: string;
  /** True when it ran before: one given by its socket, or a private one that outlived the last k8ts. */
  readonly adopted: boolean;
  /** Of the process that runs now; absent for one given by its socket. */
  readonly pid: number | undefined;
  readonly cniConfDirectory: string;
  readonly registryHostsDirectory: string;
  /** Imports every image of a docker or OCI archive; resolves to their names once CRI knows them. */
  importImage(archivePath: string): Promise<readonly string[]>;
  /** Closes the connection; containerd and its containers go on. */
  close(): Promise<void>;
  /**
   * Stops a private containerd: removes every pod with its containers and network, ends the process and what is left of
   * its shims and mounts. `purge` removes the directory too. One given by its socket is only disconnected.
   */
  stop(options?: { readonly purge?: boolean }): Promise<void>;
}

const readyTimeoutMs = 30_000;
const pollMs = 5;
/** One that ends at once as often as this will not start at all. */
const startAttempts = 3;

/**
 * A containerd for the node: the one at `address`, else a private one from the host's binaries. A private one is apart
 * from this process: it and its containers survive a kill -9 of k8ts and are adopted by the next start. The sandbox image
 * is there when this resolves. Fails with `ContainerdSetupError`, whose message says what to do.
 */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const directory = resolve(options.directory);
  const { logger = silentLogger } = options;
  await mkdir(directory, { recursive: true });
  const settings = {
    cniConfDirectory: options.cniConfDirectory ?? join(directory, "cni", "net.d"),
    registryHostsDirectory: options.registryHostsDirectory ?? join(directory, "certs.d"),
  };
  const given = options.address?.replace(/^unix:\/\//, "");
  const address = given ?? socketPath(directory);
  const launch = () => privateDaemon(options, { directory, address, ...settings, logger });
  const daemon = given === undefined ? await launch() : undefined;
  const keeper =
    daemon !== undefined && options.keepRunning ? keepRunning(daemon, launch, logger) : undefined;
  const connection = connectRuntime({ address });
  try {
    const version = await untilReady(connection, {
      daemon,
      keeper,
      address,
      directory,
      signal: options.signal,
    });
    const importImage = (archivePath: string) =>
      importImages({ address, archivePath, images: connection.images });
    await ensureSandboxImage(connection, importImage, directory);
    logger.info(
      { address, version, pid: daemon?.pid, adopted: daemon?.adopted ?? true },
      "containerd is ready",
    );
    const mounts = await imageMounts({ address, version, directory, isPrivate: daemon !== undefined });
    return {
      ...connection,
      ...settings,
      images: mounts === undefined ? connection.images : { ...connection.images, mounts },
      address,
      version,
      adopted: daemon?.adopted ?? true,
      get pid() {
        return (keeper?.current ?? daemon)?.pid;
      },
      importImage,
      async close() {
        await keeper?.close();
        await connection.close();
      },
      async stop({ purge = false } = {}) {
        if (daemon === undefined) return connection.close();
        await removePods(connection, logger);
        await keeper?.close();
        await connection.close();
        await stopProcess(keeper?.current ?? daemon);
        await clearRemains({ directory, address });
        await rm(pidFile(directory), { force: true });
        if (purge) await removeDirectory(directory);
      },
    };
  } catch (error) {
    await keeper?.close();
    await connection.close();
    const last = keeper?.current ?? daemon;
    if (last !== undefined && !last.adopted) await stopProcess(last);
    throw error;
  }
}

/**
 * Stops and clears away whatever a private containerd of this directory left, running or not: for `down` after the
 * process that started it is gone. Resolves to false when there was nothing.
 */
export async function clearContainerd(
  options: ContainerdOptions & { readonly purge?: boolean },
): Promise<boolean> {
  const directory = resolve(options.directory);
  const address = socketPath(directory);
  const { logger = silentLogger } = options;
  const configured = await readFile(configFile(directory), "utf8").catch(() => undefined);
  if (configured === undefined) return false;
  try {
    // Only a running one can take the pods' networks down in good order.
    const containerd = await startContainerd(options);
    await containerd.stop({ purge: options.purge ?? false });
  } catch (error) {
    logger.warn(
      { error: String(error) },
      "containerd could not be asked to remove its pods: clearing by force",
    );
    const daemon = await runningDaemon(daemonFiles(directory));
    if (daemon !== undefined) await stopProcess(daemon);
    await clearRemains({ directory, address });
    await rm(pidFile(directory), { force: true });
    if (options.purge) await removeDirectory(directory);
  }
  return true;
}

/** An old containerd's CRI knows no image volumes: they are mounted in its stead. */
async function imageMounts(containerd: {
  readonly address: string;
  readonly version: string;
  readonly directory: string;
  readonly isPrivate: boolean;
}): Promise<ImageMounts | undefined> {
  const { address, version, directory, isPrivate } = containerd;
  if (mountsImagesItself(version)) return undefined;
  return containerdImageMounts(
    isPrivate ? { address, snapshotter: await chooseSnapshotter(directory) } : { address },
  );
}

const configFile = (directory: string) => join(directory, "containerd.toml");
const pidFile = (directory: string) => join(directory, "containerd.pid");
/** A unix socket's path has at most 107 bytes; below a longer directory it lies elsewhere, under a name of its own. */
function socketPath(directory: string): string {
  const usual = join(directory, "containerd.sock");
  if (Buffer.byteLength(`${usual}.ttrpc`) <= longestSocketPath) return usual;
  const name = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  return join("/run/k8ts", name, "containerd.sock");
}

const longestSocketPath = 107;

async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await rm(dirname(socketPath(directory)), { recursive: true, force: true });
}

const daemonFiles = (directory: string) => ({
  pidFile: pidFile(directory),
  configFile: configFile(directory),
});
const logFile = (directory: string) => join(directory, "containerd.log");

async function privateDaemon(
  options: ContainerdOptions,
  place: {
    readonly directory: string;
    readonly address: string;
    readonly cniConfDirectory: string;
    readonly registryHostsDirectory: string;
    readonly logger: Logger;
  },
): Promise<DaemonProcess> {
  const { directory, address, logger } = place;
  const binaries = await findBinaries(options);
  const config = containerdToml({
    ...place,
    sandboxImage: pauseImageName,
    snapshotter: await chooseSnapshotter(directory),
    cniBinDirectory: binaries.cniBinDirectory,
    restrictOomScoreAdj: !(await mayRaiseOomScore()),
  });
  const running = await runningDaemon(daemonFiles(directory));
  if (running !== undefined) {
    if (config === (await readFile(configFile(directory), "utf8").catch(() => ""))) return running;
    logger.info(
      { pid: running.pid },
      "containerd's configuration has changed: restarting it, its containers stay",
    );
    await stopProcess(running);
  }
  for (const path of [place.cniConfDirectory, place.registryHostsDirectory])
    await mkdir(path, { recursive: true });
  await mkdir(dirname(address), { recursive: true });
  await rm(address, { force: true });
  await writeFile(configFile(directory), config);
  const { networkNamespace, hostname } = options;
  return launchDaemon({
    command: [
      ...(networkNamespace === undefined ? [] : ["nsenter", `--net=${networkNamespace}`]),
      ...(hostname === undefined ? [] : ["unshare", "--uts", "sh", "-c", takeName, hostname]),
      binaries.containerd,
      "--config",
      configFile(directory),
    ],
    ...daemonFiles(directory),
    logFile: logFile(directory),
  });
}

/** Becomes the program that follows: the process that was launched is containerd. */
const takeName = 'hostname "$0"; exec "$@"';

async function untilReady(
  connection: RuntimeConnection,
  wait: {
    readonly daemon: DaemonProcess | undefined;
    readonly keeper: DaemonKeeper | undefined;
    readonly address: string;
    readonly directory: string;
    readonly signal: AbortSignal | undefined;
  },
): Promise<string> {
  const { daemon, keeper, address, signal } = wait;
  const mayStillCome = async () =>
    keeper === undefined ? (await daemon?.exited()) === false : keeper.restarts < startAttempts;
  // One that is given is there or is not; one that was just started needs a moment.
  const untilMs = performance.now() + (daemon === undefined ? 0 : readyTimeoutMs);
  for (;;) {
    try {
      const { conditions } = await connection.runtime.status({ timeoutMs: 5000, ...(signal && { signal }) });
      const ready = conditions.find(({ type }) => type === "RuntimeReady");
      if (ready?.status === true) return (await connection.runtime.version()).runtimeVersion;
      throw new Error(ready?.message ?? "the runtime tells no RuntimeReady condition");
    } catch (error) {
      signal?.throwIfAborted();
      if (performance.now() < untilMs && (await mayStillCome())) {
        await pause(pollMs, undefined, signal === undefined ? {} : { signal });
        continue;
      }
      const reason = daemon === undefined ? String(error) : await lastLogLines(wait.directory);
      throw new ContainerdSetupError(
        daemon === undefined
          ? `no container runtime answers at ${address}: ${reason}`
          : `containerd did not start: ${reason} (its log: ${logFile(wait.directory)})`,
        { cause: error },
      );
    }
  }
}

async function lastLogLines(directory: string): Promise<string> {
  const log = await readFile(logFile(directory), "utf8").catch(() => "");
  return log.trimEnd().split("\n").slice(-3).join(" | ");
}

/** The sandbox image comes with the product: a node needs no registry to run a pod. */
async function ensureSandboxImage(
  connection: RuntimeConnection,
  importImage: (archivePath: string) => Promise<readonly string[]>,
  directory: string,
): Promise<void> {
  if ((await connection.images.imageStatus(pauseImageName)) !== undefined) return;
  const archivePath = join(directory, `pause-${process.pid}.tar`);
  await writeFile(archivePath, imageArchive([pauseImage()]));
  try {
    await importImage(archivePath);
  } finally {
    await rm(archivePath, { force: true });
  }
}

async function removePods({ runtime }: RuntimeConnection, logger: Logger): Promise<void> {
  const sandboxes = await runtime.listPodSandboxes().catch(() => []);
  const waiting = [...sandboxes];
  const worker = async () => {
    for (let sandbox = waiting.pop(); sandbox !== undefined; sandbox = waiting.pop()) {
      try {
        await runtime.stopPodSandbox(sandbox.id);
        await runtime.removePodSandbox(sandbox.id);
      } catch (error) {
        logger.warn({ sandbox: sandbox.id, error: String(error) }, "a pod sandbox could not be removed");
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}
