import { constants } from "node:fs";
import { access, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";

/** containerd cannot be had on this host; the message is one sentence with the remedy. */
export class ContainerdSetupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ContainerdSetupError";
  }
}

export interface HostBinaries {
  readonly containerd: string;
  readonly cniBinDirectory: string;
}

const installHint = "on Debian: apt-get install containerd runc containernetworking-plugins";
const searchPath = () => [
  ...(process.env.PATH ?? "").split(":"),
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
];

/** Finds what a private containerd needs on this host, or says what is missing and how to get it. */
export async function findBinaries(options: { readonly cniBinDirectory?: string }): Promise<HostBinaries> {
  if (process.platform !== "linux")
    throw new ContainerdSetupError(
      `containers need Linux, and this is ${process.platform}: use the simulated runtime`,
    );
  if (process.getuid?.() !== 0)
    throw new ContainerdSetupError(
      "running containers needs root: run with sudo, or use the simulated runtime",
    );
  const names = ["containerd", "containerd-shim-runc-v2", "runc", "ctr"];
  const found = await Promise.all(names.map(findBinary));
  const missing = names.filter((_, index) => found[index] === undefined);
  const cniBinDirectory = options.cniBinDirectory ?? (await findCniPlugins());
  if (cniBinDirectory === undefined) missing.push("the CNI plugins");
  const [containerd] = found;
  if (containerd === undefined || cniBinDirectory === undefined || missing.length > 0)
    throw new ContainerdSetupError(`${missing.join(", ")} not found (${installHint})`);
  return { containerd, cniBinDirectory };
}

/** The path of an executable in PATH or the usual places. */
export async function findBinary(name: string): Promise<string | undefined> {
  for (const directory of searchPath()) {
    if (directory === "") continue;
    const path = join(directory, name);
    if (await executable(path)) return path;
  }
  return undefined;
}

async function findCniPlugins(): Promise<string | undefined> {
  for (const directory of ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"])
    if (await executable(join(directory, "bridge"))) return directory;
  return undefined;
}

async function executable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const overlayMagic = 0x794c7630;

/** overlayfs does not stack on itself: inside a container's own file system layers are copied instead. */
export async function chooseSnapshotter(directory: string): Promise<"overlayfs" | "native"> {
  return (await statfs(directory)).type === overlayMagic ? "native" : "overlayfs";
}

const capSysResource = 24n;

/** Whether this process may lower another's oom_score_adj (CAP_SYS_RESOURCE). */
export async function mayRaiseOomScore(): Promise<boolean> {
  const status = await readFile("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return ((effective >> capSysResource) & 1n) === 1n;
}
