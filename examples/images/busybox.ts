import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { buildImage, type OciImage } from "../../src/kubelet/images/oci-image.ts";
import { hostArchitecture } from "../../src/kubelet/images/pause-image.ts";
import type { TarEntry } from "../../src/kubelet/images/tar.ts";
import { baseEntries, parentDirectories } from "./host-files.ts";

const run = promisify(execFile);

const busyboxImageName = "k8ts.local/busybox:1";

/** A small system: Debian's static busybox (package busybox-static) under all of its names. 2 MB. */
export async function busyboxImage(): Promise<OciImage> {
  const entries = await busyboxEntries();
  return buildImage({
    name: busyboxImageName,
    architecture: hostArchitecture(),
    process: { command: ["sh"], env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] },
    layers: [[...parentDirectories([...baseEntries(), ...entries]), ...baseEntries(), ...entries]],
  });
}

/** The program and a link for each of its applets. */
export async function busyboxEntries(): Promise<readonly TarEntry[]> {
  const { stdout } = await run("busybox", ["--list-full"]);
  const applets = stdout.split("\n").filter((path) => path !== "" && path !== "bin/busybox");
  const { stdout: path } = await run("sh", ["-c", "command -v busybox"]);
  return [
    { type: "file", path: "bin/busybox", mode: 0o755, content: await readFile(path.trim()) },
    ...applets.sort().map((applet): TarEntry => ({ type: "symlink", path: applet, target: "/bin/busybox" })),
  ];
}
