import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const k8ts = join(root, "bin/k8ts");
export const imageDirectory = join(root, "node_modules/.cache/k8ts-images");
const archives = ["nginx", "busybox"].map((name) => join(imageDirectory, `${name}.tar`));
export const repository = root;

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface BackgroundCommand {
  output(): string;
  write(text: string): void;
  stop(): Promise<void>;
}

/** Runs a command to its end, whatever its exit code. */
export function run(command: string, words: readonly string[], options: RunOptions = {}): Promise<Output> {
  return new Promise((resolve) => {
    const { timeoutMs = 300_000, env = {}, input } = options;
    const settings = { timeout: timeoutMs, env: { ...process.env, ...env }, maxBuffer: 256 * 2 ** 20 };
    const child = execFile(command, [...words], settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.on("error", () => undefined);
    if (input === undefined) child.stdin?.end();
    else child.stdin?.end(input);
  });
}

/** Runs a command that must succeed; resolves to what it printed. */
export async function must(
  command: string,
  words: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return outputOf(`${command} ${words.join(" ")}`, await run(command, words, options));
}

function outputOf(line: string, { code, stdout, stderr }: Output): string {
  if (code !== 0) throw new Error(`${line} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** How soon something comes true is no matter of these tests: a machine may be slow and busy. */
const eventuallyMs = 120_000;

/** Asks again until the answer is good; throws what the last one was. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  isGood: (answer: T) => boolean,
): Promise<T> {
  const endMs = Date.now() + eventuallyMs;
  for (;;) {
    const answer = await ask();
    if (isGood(answer)) return answer;
    if (Date.now() > endMs)
      throw new Error(`${what} did not come true; at last: ${JSON.stringify(answer, null, 1)}`);
    await delay(100);
  }
}

/** Real nodes need root and the host's binaries; elsewhere these tests say why they are skipped. */
export const skipReason =
  process.platform !== "linux" || process.getuid?.() !== 0 ? "needs Linux and root" : false;

/** A cluster started the way a user starts one. */
export class Cluster implements AsyncDisposable {
  readonly directory: string;
  readonly #flags: readonly string[];

  protected constructor(directory: string, flags: readonly string[]) {
    this.directory = directory;
    this.#flags = flags;
  }

  /** On simulated nodes, which need nothing of the host. */
  static async simulated({ nodes }: { readonly nodes: number }): Promise<Cluster> {
    const flags = ["--runtime", "sim", "--nodes", String(nodes)];
    return started(new Cluster(await newDirectory(), flags));
  }

  get kubeconfig(): string {
    return join(this.directory, "kubeconfig");
  }

  /** Starts it, or starts it again on the same folder. */
  async up(): Promise<void> {
    await must(k8ts, ["up", "--detach", "--port", "0", "--data-dir", this.directory, ...this.#flags]);
  }

  async state(): Promise<{
    readonly pid: number;
    readonly server: string;
    readonly nodes: readonly { readonly name: string }[];
  }> {
    const { readFile } = await import("node:fs/promises");
    return JSON.parse(await readFile(join(this.directory, "state.json"), "utf8"));
  }

  kubectl(...words: string[]): Promise<string> {
    return must("kubectl", words, { env: { KUBECONFIG: this.kubeconfig, ...overSpdy } });
  }

  kubectlWith(options: RunOptions, ...words: string[]): Promise<Output> {
    const env = { KUBECONFIG: this.kubeconfig, ...overSpdy, ...options.env };
    return run("kubectl", words, { ...options, env });
  }

  /** Whatever its exit code. */
  kubectlOf(words: readonly string[], input?: string): Promise<Output> {
    return this.kubectlWith(input === undefined ? {} : { input }, ...words);
  }

  /** It must succeed. */
  async ok(words: readonly string[], input?: string): Promise<string> {
    return outputOf(`kubectl ${words.join(" ")}`, await this.kubectlOf(words, input));
  }

  /** A kubectl that goes on (port-forward, logs -f); what it prints is gathered, what is written is its input. */
  kubectlInBackground(...words: string[]): BackgroundCommand {
    const child = spawn("kubectl", words, { env: { ...process.env, KUBECONFIG: this.kubeconfig } });
    let gathered = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (gathered += chunk.toString()));
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    return {
      output: () => gathered,
      write: (text) => void child.stdin.write(text),
      async stop() {
        child.kill("SIGTERM");
        await ended;
      },
    };
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...words, "-o", "json"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(k8ts, ["down", "--purge", "--data-dir", this.directory]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/**
 * kubectl 1.32 drops what comes over a WebSocket before it has made its streams ("Unknown stream id"): a command that is quicker
 * than a busy client loses its output and its exit code. Over WebSocket the tests run only what reads its input first.
 */
export const overSpdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false" };

/** A cluster on real containerd. */
export class RealCluster extends Cluster {
  static async start({ nodes }: { readonly nodes: number }): Promise<RealCluster> {
    // nginx is downloaded for it: not for every file of tests.
    if (!archives.every((path) => existsSync(path)))
      await must(process.execPath, [join(root, "examples/images/build.ts"), imageDirectory]);
    const images = archives.flatMap((path) => ["--image", path]);
    return started(new RealCluster(await newDirectory(), ["--nodes", String(nodes), ...images]));
  }
}

function newDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "k8ts-e2e-"));
}

async function started<T extends Cluster>(cluster: T): Promise<T> {
  try {
    await cluster.up();
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

/** One on simulated nodes for all tests of the suite that asks; there once they run. */
export function simulatedCluster(options: { readonly nodes: number }): () => Cluster {
  let cluster: Cluster | undefined;
  before(async () => {
    cluster = await Cluster.simulated(options);
  });
  after(() => cluster?.[Symbol.asyncDispose]());
  return () => {
    if (cluster === undefined) throw new Error("the cluster does not run");
    return cluster;
  };
}
