import { access, constants } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { UserError } from "../user-error.ts";

interface Binary {
  readonly name: string;
  readonly package: string;
}

const nodeBinaries: readonly Binary[] = [
  { name: "containerd", package: "containerd" },
  { name: "runc", package: "runc" },
  { name: "nft", package: "nftables" },
  { name: "ip", package: "iproute2" },
  { name: "conntrack", package: "conntrack" },
];

const cniDirectories = ["/opt/cni/bin", "/usr/lib/cni"];

/** What this machine lacks to run real nodes, as a sentence with the remedy; undefined: nothing. */
export async function missingForContainerd(options: {
  readonly containerdGiven: boolean;
}): Promise<string | undefined> {
  if (process.platform !== "linux")
    return "real nodes need Linux; use --runtime sim, or run k8ts in a Linux machine";
  if (process.getuid?.() !== 0)
    return "real nodes need root (namespaces, mounts, packet rules); run k8ts with sudo, or use --runtime sim";
  const wanted = nodeBinaries.filter(
    ({ name }) => !(options.containerdGiven && (name === "containerd" || name === "runc")),
  );
  const missing: string[] = [];
  for (const { name, package: packageName } of wanted) if (!(await inPath(name))) missing.push(packageName);
  const cni = await Promise.all(cniDirectories.map((directory) => isExecutable(join(directory, "bridge"))));
  if (!cni.includes(true)) missing.push("containernetworking-plugins");
  if (missing.length === 0) return undefined;
  return `this machine lacks ${missing.join(", ")}; install with: apt-get install ${missing.join(" ")} (or use --runtime sim)`;
}

async function inPath(name: string): Promise<boolean> {
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const found = await Promise.all(directories.map((directory) => isExecutable(join(directory, name))));
  return found.includes(true);
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Throws UserError where a kubelet, ours or another's, runs on this machine already: real nodes share its network. */
export async function requireNoKubelet(address: string, port: number): Promise<void> {
  const taken = await listenProblem(address, port);
  if (taken === undefined || taken.includes("EADDRNOTAVAIL")) return; // no such address: no cluster has made it
  throw new UserError(
    `port ${port} ${taken}: another cluster's kubelet runs on this machine; stop it (k8ts down --data-dir DIR), or use --runtime sim`,
  );
}

/** The port to listen on: the one asked for, or a free one for 0. Throws UserError where it is taken and others do not share it. */
export async function choosePort(
  host: string,
  port: number,
  { sharesPort = false }: { readonly sharesPort?: boolean } = {},
): Promise<number> {
  const problem = port === 0 ? undefined : await listenProblem(host, port, sharesPort);
  if (problem !== undefined) {
    throw new UserError(`port ${port} ${problem}; stop what listens there, or choose another with --port`);
  }
  return port === 0 ? freePort(host) : port;
}

/** Why one cannot listen there: "is in use"; undefined: one can. */
function listenProblem(host: string, port: number, reusePort = false): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", ({ code }: NodeJS.ErrnoException) =>
      resolve(code === "EADDRINUSE" ? "is in use" : `cannot be used (${code})`),
    );
    probe.listen({ host, port, reusePort }, () => probe.close(() => resolve(undefined)));
  });
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen({ host, port: 0 }, () => {
      const { port } = probe.address() as AddressInfo; // it listens on TCP
      probe.close(() => resolve(port));
    });
  });
}
