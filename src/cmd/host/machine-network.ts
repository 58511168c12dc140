import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const ip = (...words: string[]) => run("ip", words);
const quietly = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    () => undefined,
  );

/** The bridge on which the nodes of this machine meet; it holds the first node's address. */
const nodeBridge = "k8ts-nodes";
const prefixLength = 24;

/** 10.95.0.1 is the machine itself, the first node; the others count on from there. */
export function nodeAddress(index: number): string {
  return `10.95.0.${index + 1}`;
}

/** The interface that holds a node's address. */
export function uplinkOf(index: number): string {
  return index === 0 ? nodeBridge : "eth0";
}

function namespaceName(index: number): string {
  return `k8ts-node-${index + 1}`;
}

/** Makes the bridge with the first node's address. Does nothing where it is there. */
export async function ensureNodeBridge(): Promise<void> {
  await quietly(ip("link", "add", nodeBridge, "type", "bridge"));
  await quietly(ip("address", "add", `${nodeAddress(0)}/${prefixLength}`, "dev", nodeBridge));
  await ip("link", "set", nodeBridge, "up");
}

/** Makes a network namespace for one more node, connected to the bridge. What is there already is kept. */
export async function ensureNodeNamespace(index: number): Promise<string> {
  const name = namespaceName(index);
  const path = `/run/netns/${name}`;
  const inside = (...words: string[]) => ip("-n", name, ...words);
  const { stdout } = await ip("netns", "list");
  if (stdout.split("\n").some((line) => line.split(" ")[0] === name)) return path;
  await ip("netns", "add", name);
  const outer = `k8ts-v${index + 1}`;
  await quietly(ip("link", "del", outer));
  await ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name);
  await ip("link", "set", outer, "master", nodeBridge, "up");
  // With bridge-nf-call-iptables a pod of this node that asks another node's port, and is sent to a pod of its own node,
  // turns round within the bridge: it leaves by the port by which it came.
  await ip("link", "set", outer, "type", "bridge_slave", "hairpin", "on");
  await inside("link", "set", "lo", "up");
  await inside("address", "add", `${nodeAddress(index)}/${prefixLength}`, "dev", "eth0");
  await inside("link", "set", "eth0", "up");
  await inside("route", "add", "default", "via", nodeAddress(0));
  return path;
}

/** Takes away what the cluster made: namespaces, bridges, packet rules. */
export async function removeMachineNetwork(namespacePaths: readonly (string | undefined)[]): Promise<void> {
  for (const path of namespacePaths) {
    const name = path?.slice("/run/netns/".length);
    if (name === undefined) continue;
    await quietly(ip("netns", "del", name));
    await quietly(ip("link", "del", name.replace("k8ts-node-", "k8ts-v")));
  }
  for (const link of [nodeBridge, "k8ts0"]) await quietly(ip("link", "del", link));
  for (const table of ["kube-proxy", "k8ts-network"])
    await quietly(run("nft", ["delete", "table", "ip", table]));
}
