import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { runOverWebSocket } from "../src/client/streaming/websocket-client.ts";
import type { BenchResult } from "./bench.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const k8ts = join(root, "bin/k8ts");
const execs = 30;
const keystrokes = 300;

/** `MIB`: how much goes each way. Default: 1024. */
export async function run([mib = "1024"]: readonly string[]): Promise<BenchResult> {
  const bytes = Number(mib) * 2 ** 20;
  const directory = await mkdtemp(join(tmpdir(), "k8ts-bench-"));
  const kubeconfig = join(directory, "kubeconfig");
  const kubectl = (words: readonly string[], input?: string) =>
    command("kubectl", words, { kubeconfig, ...(input === undefined ? {} : { input }) });
  try {
    const images = join(root, "node_modules/.cache/k8ts-images");
    await command(process.execPath, [join(root, "examples/images/build.ts"), images, "busybox"]);
    const up = ["up", "--detach", "--port", "0", "--data-dir", directory];
    await command(k8ts, [...up, "--image", join(images, "busybox.tar")]);
    const file = join(directory, "file");
    await writeFile(file, "");
    await truncate(file, bytes);
    const manifest = join(directory, "pod.json");
    await writeFile(manifest, JSON.stringify(pod));
    await kubectl(["apply", "-f", manifest]);
    await kubectl(["wait", "--for=condition=Ready", "pod/box", "--timeout=60s"]);
    const { pid } = JSON.parse(await readFile(join(directory, "state.json"), "utf8"));
    // What a first small stream loads and compiles is no matter of size.
    await kubectl(exec("head", "-c", "20000000", "/dev/zero"));
    const before = await usage(pid);
    const rate = async (work: () => Promise<unknown>) => {
      const [begun, cpuBefore] = [performance.now(), await usage(pid)];
      await work();
      const seconds = (performance.now() - begun) / 1000;
      const cpuSeconds = (await usage(pid)).cpuSeconds - cpuBefore.cpuSeconds;
      const gigabytes = bytes / 1e9;
      return { MBps: round((1000 * gigabytes) / seconds), cpuSecondsPerGB: round(cpuSeconds / gigabytes) };
    };
    const stdin = await rate(() => kubectl(exec("sh", "-c", "cat >/dev/null; true"), file));
    const stdout = await rate(() => kubectl(exec("dd", "if=/dev/zero", "bs=1M", `count=${mib}`)));
    const cpTo = await rate(() => kubectl(["cp", file, "box:/disk/file"]));
    const cpFrom = await rate(() => kubectl(["cp", "box:/disk/file", join(directory, "back")]));
    const echoed = await rate(() => echoOverPortForward(kubeconfig, bytes));
    const after = await usage(pid);
    return {
      name: "streams",
      stdin,
      stdout,
      cpTo,
      cpFrom,
      portForwardEcho: echoed,
      rssGrowthMiB: round((after.peakBytes - before.residentBytes) / 2 ** 20),
      ...(await latencies(kubeconfig)),
      units: {
        MBps: "10^6 bytes a second",
        cpuSecondsPerGB: "of API server and kubelet, one process",
        execTrueP50Ms: "ms",
        keystrokeP50Ms: "ms",
      },
      conditions: { mib, client: "kubectl, WebSocket", nodes: 1, execs, keystrokes, zeroes: "yes" },
    };
  } finally {
    await command(k8ts, ["down", "--purge", "--data-dir", directory]);
    await rm(directory, { recursive: true, force: true });
  }
}

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "box", namespace: "default" },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "main",
        image: "k8ts.local/busybox:1",
        command: ["nc", "-ll", "-p", "7000", "-e", "cat"],
        volumeMounts: [{ name: "disk", mountPath: "/disk" }],
      },
    ],
    volumes: [{ name: "disk", emptyDir: {} }],
  },
};

const exec = (...words: string[]) => ["exec", "-i", "box", "--", ...words];

/** Everything that is sent comes back. */
async function echoOverPortForward(kubeconfig: string, bytes: number): Promise<void> {
  const forward = spawn("kubectl", ["port-forward", "pod/box", ":7000"], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const port = await portOf(forward);
    await new Promise<void>((resolve, reject) => {
      const socket = connectTcp({ host: "127.0.0.1", port });
      const block = Buffer.alloc(256 * 1024);
      let [sent, received] = [0, 0];
      const send = () => {
        while (sent < bytes) {
          sent += block.length;
          if (!socket.write(block)) return;
        }
      };
      socket.on("drain", send);
      socket.on("error", reject);
      socket.on("data", (chunk) => {
        received += chunk.length;
        if (received >= bytes) {
          socket.destroy();
          resolve();
        }
      });
      send();
    });
  } finally {
    forward.kill();
  }
}

function portOf(forward: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = "";
    forward.stdout?.on("data", (chunk) => {
      said += chunk;
      const port = /127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    forward.once("exit", () => reject(new Error(`port-forward ended: ${said}`)));
  });
}

/** A command from its start to its exit code, and a byte to a process and back. */
async function latencies(kubeconfig: string): Promise<Readonly<Record<string, number>>> {
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8"));
  const bytesOf = (text: string) => Buffer.from(text, "base64");
  const { server, "certificate-authority-data": ca } = clusters[0].cluster;
  const { "client-certificate-data": cert, "client-key-data": key } = users[0].user;
  const tls = { ca: bytesOf(ca), cert: bytesOf(cert), key: bytesOf(key) };
  const url = (query: string) =>
    `${server.replace("https:", "wss:")}/api/v1/namespaces/default/pods/box/exec?${query}`;

  const execMs: number[] = [];
  for (let round = 0; round < execs; round++) {
    const begun = performance.now();
    const streams = { stdout: { write: async () => {}, close: async () => {} } };
    await runOverWebSocket(url("command=true&stdout=true"), { tty: false, streams, tls });
    execMs.push(performance.now() - begun);
  }

  const keystrokeMs: number[] = [];
  let arrived = Promise.withResolvers<void>();
  async function* typed() {
    for (let round = 0; round < keystrokes; round++) {
      const begun = performance.now();
      arrived = Promise.withResolvers();
      yield Uint8Array.of(97);
      await arrived.promise;
      keystrokeMs.push(performance.now() - begun);
    }
  }
  const stdout = { write: async () => arrived.resolve(), close: async () => {} };
  const streams = { stdin: typed(), stdout };
  await runOverWebSocket(url("command=cat&stdin=true&stdout=true"), { tty: false, streams, tls });
  return { execTrueP50Ms: median(execMs), keystrokeP50Ms: median(keystrokeMs) };
}

async function usage(pid: number) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  const [user, system] = (await readFile(`/proc/${pid}/stat`, "utf8")).split(" ").slice(13, 15).map(Number);
  return {
    cpuSeconds: ((user ?? 0) + (system ?? 0)) / 100,
    residentBytes: kilobytes("VmRSS") * 1024,
    peakBytes: kilobytes("VmHWM") * 1024,
  };
}

const round = (value: number) => Math.round(value * 100) / 100;

function median(values: readonly number[]): number {
  return round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

interface CommandOptions {
  readonly input?: string;
  readonly kubeconfig?: string;
}

async function command(
  program: string,
  words: readonly string[],
  options: CommandOptions = {},
): Promise<void> {
  const { input = "/dev/null", kubeconfig } = options;
  await using from = await open(input, "r");
  await using to = await open("/dev/null", "w");
  const env = { ...process.env, ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }) };
  await new Promise<void>((resolve, reject) => {
    const child = spawn(program, words, { stdio: [from.fd, to.fd, "inherit"], env });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ${words.join(" ")} ended with ${code}`)),
    );
  });
}
