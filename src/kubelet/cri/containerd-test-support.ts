import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { type Containerd, type ContainerdOptions, startContainerd } from "./containerd.ts";
import { ContainerdSetupError, findBinaries, findBinary } from "./containerd-host.ts";

const run = promisify(execFile);

/** A test's own place for a containerd, with a pod network of its own. */
export interface ContainerdPlace {
  readonly directory: string;
  /** For the pods of the test: containerd leaves its own default behind. */
  readonly cgroupParent: string;
  start(options?: Partial<ContainerdOptions>): Promise<Containerd>;
  /** Takes everything away that `start` made. */
  clear(containerd: Containerd | undefined): Promise<void>;
}

/** Makes the place, or says why tests with a real containerd cannot run on this machine. */
export async function containerdPlace(): Promise<ContainerdPlace | string> {
  try {
    await findBinaries({});
  } catch (error) {
    if (error instanceof ContainerdSetupError) return `no containerd here: ${error.message}`;
    throw error;
  }
  if ((await findBinary("busybox")) === undefined)
    return "no busybox here (Debian: apt-get install busybox-static)";
  const directory = await mkdtemp(join(tmpdir(), "k8ts-containerd-"));
  const bridge = `k8t${process.pid.toString(36)}`;
  const cni = join(directory, "cni", "net.d");
  await mkdir(cni, { recursive: true });
  await writeFile(join(cni, "10-test.conflist"), JSON.stringify(network(bridge, directory)));
  const cgroupParent = `/k8ts-test-${basename(directory)}`;
  return {
    directory,
    cgroupParent,
    start: (options) => startContainerd({ directory, ...options }),
    async clear(containerd) {
      await containerd?.stop({ purge: true });
      await rm(directory, { recursive: true, force: true });
      await removeCgroups(cgroupParent);
      await run("ip", ["link", "delete", bridge]).catch(() => {}); // none where no pod ran
    },
  };
}

/** In every hierarchy of version 1, or the only one of version 2. */
async function removeCgroups(path: string): Promise<void> {
  const root = "/sys/fs/cgroup";
  const hierarchies = (await readdir(root).catch(() => [])).map((name) => join(root, name));
  for (const hierarchy of [root, ...hierarchies]) await rmdir(join(hierarchy, path)).catch(() => {}); // not in each
}

function network(bridge: string, directory: string): object {
  // Apart from the network of another test that runs at the same time, most likely.
  const subnet = `10.213.${process.pid % 256}.0/24`;
  const ipam = { type: "host-local", dataDir: join(directory, "ipam"), ranges: [[{ subnet }]] };
  return {
    cniVersion: "0.4.0",
    name: "test",
    plugins: [
      { type: "bridge", bridge, isDefaultGateway: true, hairpinMode: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}
