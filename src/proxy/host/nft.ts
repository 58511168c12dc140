import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { tableName } from "../nft-rules.ts";
import type { PacketRules } from "../proxy.ts";

const run = promisify(execFile);

/** The rules of the network namespace that this process runs in, through the nft command. */
export const nftPacketRules: PacketRules = {
  apply: (script) =>
    new Promise((resolve, reject) => {
      const nft = spawn("nft", ["-f", "-"], { stdio: ["pipe", "ignore", "pipe"] });
      let complaint = "";
      nft.stderr.on("data", (chunk: Buffer) => {
        if (complaint.length < 4096) complaint += chunk.toString();
      });
      nft.on("error", reject);
      nft.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`nft: ${complaint.trim()}`))));
      nft.stdin.on("error", () => undefined);
      nft.stdin.end(script);
    }),
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
