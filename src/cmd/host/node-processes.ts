import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/log.ts";
import type { NodeProcessConfig } from "../node-process.ts";

/** A node that runs in a process of its own, in its network namespace. */
export interface NodeProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

const restartMs = 1000;
/** A node that has not ended by then is killed: its containers live on either way. */
const stopMs = 20_000;

/** Starts it, and starts it again whenever it ends by itself. */
export async function startNodeProcess(config: NodeProcessConfig, logger: Logger): Promise<NodeProcess> {
  const { node } = config;
  await mkdir(node.directory, { recursive: true, mode: 0o700 });
  const configPath = join(node.directory, "node.json");
  await writeFile(configPath, JSON.stringify(config), { mode: 0o600 });
  // The program that runs now, as source or built.
  const [, main = ""] = process.argv;
  let stopping = false;
  let child: ChildProcess;

  function launch(): void {
    const command = [...process.execArgv, main, "node-process", configPath];
    child = spawn("nsenter", [`--net=${node.networkNamespace}`, "--", process.execPath, ...command], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    child.on("error", (error) =>
      logger.error({ error, node: node.name }, "a node's process could not be started"),
    );
    child.on("exit", (code, signal) => {
      if (stopping) return;
      logger.error({ node: node.name, code, signal }, "a node's process ended; starting it again");
      setTimeout(() => !stopping && launch(), restartMs);
    });
  }
  launch();
  return {
    get pid() {
      return child.pid ?? 0;
    },
    stop() {
      stopping = true;
      const ended = child;
      return new Promise((resolve) => {
        if (ended.exitCode !== null || ended.signalCode !== null) return resolve();
        const killing = setTimeout(() => ended.kill("SIGKILL"), stopMs);
        ended.once("exit", () => {
          clearTimeout(killing);
          resolve();
        });
        ended.kill("SIGTERM");
        return undefined;
      });
    },
  };
}
