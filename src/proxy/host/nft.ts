import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { applyNftScript } from "../../base/nft.ts";
import { tableName } from "../nft-rules.ts";
import type { PacketRules } from "../proxy.ts";

const run = promisify(execFile);

/** The rules of the network namespace that this process runs in, through the nft command. */
export const nftPacketRules: PacketRules = {
  apply: applyNftScript,
  async remove() {
    for (const family of ["ip", "ip6"])
      await run("nft", ["delete", "table", family, tableName]).catch(() => undefined);
  },
  async forgetFlows(protocol, address, port) {
    const matching = ["-p", protocol, "--orig-dst", address, "--dport", String(port)];
    // conntrack answers 1 when there was no such flow.
    await run("conntrack", ["-D", ...matching]).catch(() => undefined);
  },
};
