import type { MachineInfo } from "../node-status.ts";
import type { NetworkProber } from "../probes/prober.ts";
import type { Host } from "./host.ts";

const simDisk = {
  capacityBytes: 100 * 2 ** 30,
  availableBytes: 90 * 2 ** 30,
  inodes: 6_000_000,
  inodesFree: 5_900_000,
};

const idleUsage = {
  cpuNanoSeconds: 0,
  memoryAvailableBytes: 30 * 2 ** 30,
  memoryUsageBytes: 2 * 2 ** 30,
  memoryWorkingSetBytes: 2 * 2 ** 30,
  memoryRssBytes: 2 ** 30,
  pageFaults: 0,
  majorPageFaults: 0,
  processes: 100,
  maxProcesses: 100_000,
  disk: simDisk,
};

/** The machine of a simulated node: every file write succeeds and leaves nothing. */
export const simHost: Host = {
  files: {
    makeDirectory: done,
    ensureFile: done,
    writeFile: done,
    writeAtomically: () => Promise.resolve(true),
    setGroup: done,
    mountTmpfs: done,
    removeTree: done,
    pathType: () => Promise.resolve("directory"),
    resolveSubPath: (volume, subPath) => Promise.resolve(`${volume}/${subPath}`),
    readTail: () => Promise.resolve(undefined),
    listDirectory: () => Promise.resolve([]),
    fileSize: () => Promise.resolve(undefined),
    rename: done,
    compress: done,
    diskSpace: () => Promise.resolve(simDisk),
  },
  cgroups: { ensure: done, remove: done, list: () => Promise.resolve([]) },
  usage: () => Promise.resolve(idleUsage),
};

function done(): Promise<void> {
  return Promise.resolve();
}

/** Probes of simulated containers: they answer when the runtime says so. */
export function simNetworkProber(answers: (podIp: string) => boolean): NetworkProber {
  const ask = (host: string) =>
    Promise.resolve(
      answers(host)
        ? ({ outcome: "success", output: "" } as const)
        : ({ outcome: "failure", output: `dial tcp ${host}: connect: connection refused` } as const),
    );
  return { http: ({ host }) => ask(host), tcp: ask, grpc: ask };
}

/** A simulated machine of the given size. */
export function simMachine(
  name: string,
  address: string,
  size: { readonly cpus: number; readonly memoryBytes: number },
): MachineInfo {
  return {
    hostname: name,
    addresses: [address],
    ...size,
    ephemeralStorageBytes: 100 * 2 ** 30,
    architecture: "amd64",
    operatingSystem: "linux",
    kernelVersion: "sim",
    osImage: "k8ts sim",
    machineId: name,
    systemUuid: name,
    bootId: name,
    hugepages: {},
  };
}
