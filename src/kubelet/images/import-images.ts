import { execFile } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { findBinary } from "../cri/containerd-host.ts";
import type { ImageService } from "../cri/runtime.ts";
import { archiveImageNames } from "./archive-names.ts";

const run = promisify(execFile);

/** CRI hears of an import by an event, moments after the import has ended. */
const seenTimeoutMs = 10_000;

/**
 * Imports a docker or OCI archive with containerd's own client (CRI has no call for it) into the images that Kubernetes
 * sees; resolves to their names. Fails with the client's own words.
 */
export async function importImages(source: {
  readonly address: string;
  readonly archivePath: string;
  readonly images: ImageService;
}): Promise<readonly string[]> {
  const { address, archivePath, images } = source;
  const ctr = await findBinary("ctr");
  if (ctr === undefined)
    throw new Error("ctr not found: it comes with containerd, and imports images into it");
  const command = ["-a", address, "-n", "k8s.io", "images", "import", archivePath];
  const names = await archiveImageNames(archivePath);
  if (names.length === 0) throw new Error(`cannot import ${archivePath}: it names no image`);
  await run(ctr, command).catch((error: { stderr?: string; message: string }) => {
    throw new Error(`cannot import ${archivePath}: ${(error.stderr || error.message).trim()}`, {
      cause: error,
    });
  });
  const untilMs = performance.now() + seenTimeoutMs;
  for (const name of names) {
    while ((await images.imageStatus(name)) === undefined) {
      if (performance.now() > untilMs)
        throw new Error(`imported ${name}, but the container runtime does not show it`);
      await pause(5);
    }
  }
  return names;
}
