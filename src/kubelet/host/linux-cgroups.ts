import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { cpuWeight } from "../cgroup-resources.ts";
import type { CgroupLimits, HostCgroups } from "./host.ts";

const mountPoint = "/sys/fs/cgroup";

/** The control groups of this machine: version 2 where it is mounted alone, else the hierarchies of version 1. */
export function linuxCgroups(): HostCgroups {
  return existsSync(`${mountPoint}/cgroup.controllers`) ? unifiedCgroups() : legacyCgroups();
}

function unifiedCgroups(): HostCgroups {
  return {
    async ensure(path, limits) {
      // A controller works in a group only when each group above it hands it down.
      let current = mountPoint;
      for (const segment of path.split("/").filter((part) => part !== "")) {
        await enableControllers(current);
        current = `${current}/${segment}`;
        await mkdir(current, { recursive: true });
      }
      await enableControllers(current);
      const { cpuShares, cpuQuotaUs, cpuPeriodUs = 100_000, memoryBytes, pids } = limits;
      if (cpuShares !== undefined) await set(`${current}/cpu.weight`, String(cpuWeight(cpuShares)));
      if (cpuQuotaUs !== undefined) await set(`${current}/cpu.max`, `${cpuQuotaUs} ${cpuPeriodUs}`);
      if (memoryBytes !== undefined) await set(`${current}/memory.max`, String(memoryBytes));
      if (pids !== undefined) await set(`${current}/pids.max`, String(pids));
    },
    remove: (path) => removeGroup(`${mountPoint}${path}`),
    list: (path) => subgroups(`${mountPoint}${path}`),
  };
}

async function enableControllers(group: string): Promise<void> {
  const available = await readFile(`${group}/cgroup.controllers`, "utf8").catch(() => "");
  const wanted = available
    .split(/\s+/)
    .filter((name) => ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"].includes(name));
  // A group that holds processes of its own refuses; then its children run without limits of ours.
  for (const name of wanted)
    await writeFile(`${group}/cgroup.subtree_control`, `+${name}`).catch(() => undefined);
}

function legacyCgroups(): HostCgroups {
  const hierarchies = () =>
    readdir(mountPoint, { withFileTypes: true }).then((entries) =>
      entries.filter((e) => e.isDirectory() && e.name !== "unified").map((e) => e.name),
    );
  return {
    async ensure(path, limits: CgroupLimits) {
      const { cpuShares, cpuQuotaUs, cpuPeriodUs = 100_000, memoryBytes, pids } = limits;
      for (const hierarchy of await hierarchies()) {
        await mkdir(`${mountPoint}/${hierarchy}${path}`, { recursive: true }).catch(() => undefined);
        if (hierarchy === "cpuset") await inheritCpuset(path);
      }
      if (cpuShares !== undefined) await set(`${mountPoint}/cpu${path}/cpu.shares`, String(cpuShares));
      if (cpuQuotaUs !== undefined) {
        await set(`${mountPoint}/cpu${path}/cpu.cfs_period_us`, String(cpuPeriodUs));
        await set(`${mountPoint}/cpu${path}/cpu.cfs_quota_us`, String(cpuQuotaUs));
      }
      if (memoryBytes !== undefined)
        await set(`${mountPoint}/memory${path}/memory.limit_in_bytes`, String(memoryBytes));
      if (pids !== undefined) await set(`${mountPoint}/pids${path}/pids.max`, String(pids));
    },
    async remove(path) {
      // The runtime makes the group in the unified hierarchy of a hybrid machine too.
      for (const hierarchy of [...(await hierarchies()), "unified"])
        await removeGroup(`${mountPoint}/${hierarchy}${path}`);
    },
    list: (path) => subgroups(`${mountPoint}/memory${path}`),
  };
}

/** A new cpuset of version 1 is empty, and then nothing may run in it. */
async function inheritCpuset(path: string): Promise<void> {
  let group = `${mountPoint}/cpuset`;
  for (const segment of path.split("/").filter((part) => part !== "")) {
    const parent = group;
    group = `${group}/${segment}`;
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const own = await readFile(`${group}/${file}`, "utf8").catch(() => undefined);
      if (own?.trim() === "")
        await set(`${group}/${file}`, (await readFile(`${parent}/${file}`, "utf8")).trim());
    }
  }
}

/** A controller that this kernel lacks is no reason not to run a pod. */
async function set(file: string, value: string): Promise<void> {
  await writeFile(file, value).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EACCES")))
      throw error;
  });
}

async function subgroups(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

const removalAttempts = 20;

async function removeGroup(directory: string): Promise<void> {
  for (const child of await subgroups(directory)) await removeGroup(`${directory}/${child}`);
  for (let attempt = 0; ; attempt++) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      if (code === "ENOENT") return;
      if (code !== "EBUSY" || attempt >= removalAttempts) throw error;
      await killProcesses(directory);
      await delay(10);
    }
  }
}

async function killProcesses(group: string): Promise<void> {
  const pids = await readFile(`${group}/cgroup.procs`, "utf8").catch(() => "");
  for (const pid of pids.split("\n").map(Number)) {
    if (pid <= 1) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself meanwhile.
    }
  }
}
