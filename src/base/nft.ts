import { spawn } from "node:child_process";

const maxComplaintCharacters = 4096;

/** Carries out an nft script in this network namespace, whole or not at all. Throws with nft's complaint. */
export function applyNftScript(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const nft = spawn("nft", ["-f", "-"], { stdio: ["pipe", "ignore", "pipe"] });
    let complaint = "";
    nft.stderr.on("data", (chunk: Buffer) => {
      if (complaint.length < maxComplaintCharacters) complaint += chunk.toString();
    });
    nft.on("error", reject);
    nft.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`nft: ${complaint.trim()}`))));
    // Where nft ends before it has read all, its exit says why.
    nft.stdin.on("error", () => undefined);
    nft.stdin.end(script);
  });
}
