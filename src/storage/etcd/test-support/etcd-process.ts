import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = "/usr/bin/etcd";

export const hasEtcd = existsSync(binary);

/** A single etcd of one's own on ports that are free, its data in a directory that goes with it. */
export class EtcdProcess {
  readonly endpoint: string;
  readonly #directory: string;
  readonly #peerPort: number;
  #child: ChildProcess | undefined;

  private constructor(directory: string, clientPort: number, peerPort: number) {
    this.#directory = directory;
    this.endpoint = `http://127.0.0.1:${clientPort}`;
    this.#peerPort = peerPort;
  }

  static async start(): Promise<EtcdProcess> {
    const directory = await mkdtemp(join(tmpdir(), "k8ts-etcd-"));
    const [clientPort, peerPort] = await freePorts();
    const etcd = new EtcdProcess(directory, clientPort, peerPort);
    await etcd.run();
    return etcd;
  }

  /** Starts it, again after a `kill` on the same data. Resolves when it serves. */
  async run(): Promise<void> {
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const child = spawn(
      binary,
      [
        ...["--data-dir", this.#directory, "--name", "test", "--logger", "zap"],
        ...["--listen-client-urls", this.endpoint, "--advertise-client-urls", this.endpoint],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
        ...["--initial-cluster", `test=${peer}`],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child = child;
    let log = "";
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (log.includes("serving client traffic")) resolve();
      log = log.slice(-10_000);
    });
    child.once("exit", () => reject(new Error(`etcd stopped: ${log}`)));
    await ready;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    ports.push(typeof address === "object" && address !== null ? address.port : 0);
  }
  for (const server of servers) server.close();
  return [ports[0] ?? 0, ports[1] ?? 0];
}
