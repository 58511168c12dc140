import { readFile, statfs } from "node:fs/promises";
import { availableParallelism, hostname, networkInterfaces, release, totalmem } from "node:os";
import type { MachineInfo } from "../node-status.ts";

export interface MachineOptions {
  /** Where pods' ephemeral storage lies. */
  readonly root: string;
  /** Instead of the machine's own, for a node that is not the whole machine. */
  readonly hostname?: string;
  readonly addresses?: readonly string[];
}

const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** Reads what the machine is; the parts that never change are read once by the caller's cache. */
export async function readMachine(options: MachineOptions): Promise<MachineInfo> {
  const text = (path: string) =>
    readFile(path, "utf8").then(
      (content) => content.trim(),
      () => "",
    );
  const [machineId, bootId, systemUuid, osRelease, disk] = await Promise.all([
    text("/etc/machine-id"),
    text("/proc/sys/kernel/random/boot_id"),
    text("/sys/class/dmi/id/product_uuid"),
    text("/etc/os-release"),
    statfs(options.root),
  ]);
  return {
    hostname: options.hostname ?? hostname(),
    addresses: options.addresses ?? ownAddresses(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    ephemeralStorageBytes: disk.blocks * disk.bsize,
    architecture: goArchitectures[process.arch] ?? process.arch,
    operatingSystem: "linux",
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? "Linux",
    machineId,
    systemUuid: systemUuid === "" ? machineId : systemUuid,
    bootId,
    hugepages: {},
  };
}

/** The machine's addresses that others can reach it by; its loopback where it has no other. */
function ownAddresses(): string[] {
  const found: string[] = [];
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    if (/^(veth|cni|k8ts|docker|br-|virbr)/.test(name)) continue;
    for (const { address, family, internal } of addresses)
      if (!internal && family === "IPv4") found.push(address);
  }
  const [first = "127.0.0.1"] = found;
  return [first];
}
