import type { MachineInfo } from "../node-status.ts";
import type { NetworkProber } from "../probes/prober.ts";
import type { Host } from "./host.ts";

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
  },
  cgroups: { ensure: done, remove: done, list: () => Promise.resolve([]) },
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
