import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { findBinary } from "../cri/containerd-host.ts";
import type { ImageMounts } from "../cri/runtime.ts";

const run = promisify(execFile);

/** The first containerd whose CRI takes an image as the source of a mount. */
const firstWithImageMounts = [2, 1] as const;

/** Whether this version of containerd ("1.6.20~ds1", "v2.1.9") mounts image volumes by itself. */
export function mountsImagesItself(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const [firstMajor, firstMinor] = firstWithImageMounts;
  return major > firstMajor || (major === firstMajor && minor >= firstMinor);
}

/** Mounts images with containerd's own client: a read-only view of the layers that containers run from. */
export function containerdImageMounts(where: {
  readonly address: string;
  /** Absent: containerd's default. */
  readonly snapshotter?: string;
}): ImageMounts {
  const { address, snapshotter } = where;
  const chosen = snapshotter === undefined ? [] : ["--snapshotter", snapshotter];
  async function images(verb: string, ...words: string[]): Promise<void> {
    const ctr = await findBinary("ctr");
    if (ctr === undefined)
      throw new Error("ctr not found: it comes with containerd, and mounts image volumes");
    await run(ctr, ["-a", address, "-n", "k8s.io", "images", verb, ...chosen, ...words]).catch(
      (error: { stderr?: string; message: string }) => {
        throw new Error((error.stderr || error.message).trim(), { cause: error });
      },
    );
  }
  return {
    async mount(imageId, directory) {
      if (await isMounted(directory)) return;
      await mkdir(directory, { recursive: true });
      await images("mount", imageId, directory);
    },
    unmount: (directory) => images("unmount", "--rm", directory),
  };
}

async function isMounted(directory: string): Promise<boolean> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table.split("\n").some((line) => line.split(" ")[4] === directory);
}
