import { execFile } from "node:child_process";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { applyNftScript } from "../../base/nft.ts";
import type { NetworkHost } from "../network.ts";

const run = promisify(execFile);

/** The network of the namespace that this process runs in. */
export function linuxNetworkHost(options: { readonly cniConfigDirectory: string }): NetworkHost {
  return {
    async writeCniConfig(config) {
      const path = join(options.cniConfigDirectory, "10-k8ts.conflist");
      await mkdir(options.cniConfigDirectory, { recursive: true });
      await writeFile(`${path}.tmp`, `${JSON.stringify(config, null, 2)}\n`);
      await rename(`${path}.tmp`, path);
    },
    async prepare({ bridge, uplink }) {
      await makeBridge(bridge);
      await setting("net/ipv4/ip_forward", "1");
      // A node port on localhost leads to pods: out of these interfaces, and back in through rules that let no others in.
      for (const name of [bridge, uplink]) await setting(`net/ipv4/conf/${name}/route_localnet`, "1");
      // Without it the answer of a pod on the same bridge goes past the rules that changed the question.
      await setting("net/bridge/bridge-nf-call-iptables", "1").catch(() => undefined);
    },
    applyRules: applyNftScript,
    async addRoute({ destination, gateway }) {
      await run("ip", ["route", "replace", destination, "via", gateway]);
    },
    async removeRoute({ destination }) {
      await run("ip", ["route", "del", destination]).catch(() => undefined);
    },
  };
}

/** The CNI plugin would make it with the first pod; settings on it must be there before. */
async function makeBridge(bridge: string): Promise<void> {
  await run("ip", ["link", "add", bridge, "type", "bridge"]).catch(() => undefined);
  await run("ip", ["link", "set", bridge, "up"]);
}

async function setting(path: string, value: string): Promise<void> {
  await writeFile(`/proc/sys/${path}`, value);
}
