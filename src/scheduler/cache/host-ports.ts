import type { PodSpec } from "../../api/core/types.generated.ts";

/** A port of the node that a container asks for. */
export interface HostPort {
  /** "0.0.0.0" stands for all addresses. */
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const anyAddress = "0.0.0.0";

/** The host ports of containers and sidecars; ordinary init containers are gone before these start. */
export function hostPortsOf(spec: PodSpec): readonly HostPort[] {
  const sidecars = spec.initContainers?.filter(({ restartPolicy }) => restartPolicy === "Always") ?? [];
  const found: HostPort[] = [];
  for (const container of [...spec.containers, ...sidecars])
    for (const { hostIP, hostPort = 0, protocol } of container.ports ?? [])
      if (hostPort > 0) found.push({ ip: hostIP || anyAddress, protocol: protocol || "TCP", port: hostPort });
  return found;
}

/** The host ports in use on one node. */
export class UsedPorts {
  /** By protocol and port: the addresses, with how many pods hold each. */
  readonly #holders = new Map<string, Map<string, number>>();

  add({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    let addresses = this.#holders.get(key);
    if (addresses === undefined) {
      addresses = new Map();
      this.#holders.set(key, addresses);
    }
    addresses.set(ip, (addresses.get(ip) ?? 0) + 1);
  }

  remove({ ip, protocol, port }: HostPort): void {
    const key = `${protocol}/${port}`;
    const addresses = this.#holders.get(key);
    const count = addresses?.get(ip);
    if (addresses === undefined || count === undefined) return;
    if (count > 1) addresses.set(ip, count - 1);
    else addresses.delete(ip);
    if (addresses.size === 0) this.#holders.delete(key);
  }

  /** An address conflicts with itself and with "all addresses". */
  conflictsWith({ ip, protocol, port }: HostPort): boolean {
    const addresses = this.#holders.get(`${protocol}/${port}`);
    if (addresses === undefined) return false;
    return ip === anyAddress || addresses.has(ip) || addresses.has(anyAddress);
  }
}
