import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint } from "./connection.ts";
import { type ServerFigures, type ServerQuestion, tenths } from "./figures.ts";

/** The measured server in a process and a data directory of its own. */
export class ServerProcess {
  readonly endpoint: Endpoint;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(process: ChildProcess, directory: string, endpoint: Endpoint) {
    this.#process = process;
    this.#directory = directory;
    this.endpoint = endpoint;
  }

  /** With this many pods in its store already. */
  static async start(pods = 0): Promise<ServerProcess> {
    const directory = await mkdtemp(join(tmpdir(), "k8ts-bench-"));
    const profile = process.env.K8TS_BENCH_PROFILE;
    const child = fork(join(import.meta.dirname, "server.ts"), [directory, String(pods)], {
      execArgv: [
        "--expose-gc",
        ...(profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]),
      ],
    });
    const [endpoint] = (await once(child, "message")) as [Endpoint];
    return new ServerProcess(child, directory, endpoint);
  }

  async ask(question: ServerQuestion): Promise<ServerFigures> {
    const answer = once(this.#process, "message");
    this.#process.send(question);
    const [figures] = (await answer) as [ServerFigures];
    return figures;
  }

  /** What the server's processor time was for each of the requests that this makes. */
  async cpuPer<T>(act: () => Promise<T>, counted: { readonly requests: number }) {
    const before = counted.requests;
    await this.ask("begin");
    const result = await act();
    const { cpuMs } = await this.ask("end");
    return { result, cpuUs: tenths((cpuMs * 1000) / Math.max(1, counted.requests - before)) };
  }

  async stop(): Promise<void> {
    this.#process.disconnect();
    await once(this.#process, "exit");
    await rm(this.#directory, { recursive: true });
  }
}
