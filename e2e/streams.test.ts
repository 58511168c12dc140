import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, RealCluster, skipReason } from "./test-support/cluster.ts";
import { Api, busybox, Namespace, pod, shell, untilTerminated } from "./test-support/namespace.ts";

/** A gigabyte; `K8TS_STREAM_MIB=64` is enough while one works on it. */
const fileBytes = Number(process.env.K8TS_STREAM_MIB ?? 1024) * 2 ** 20;
/** What any length may add to the process that carries it: API server, kubelet and the runtime's client in one. */
const maxGrowthBytes = 64 * 2 ** 20;

const protocols = [
  { name: "WebSocket", env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "true" } },
  {
    name: "SPDY",
    env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" },
  },
];

describe("Streams through API server, kubelet and runtime", { skip: skipReason }, () => {
  let cluster: RealCluster;
  let api: Api;
  let space: Namespace;
  let directory: string;
  let server: number;

  before(async () => {
    cluster = await RealCluster.start({ nodes: 1 });
    api = await Api.start(cluster);
    space = await Namespace.create(cluster, api, "streams");
    await space.create(
      pod("box", {
        containers: [
          {
            name: "main",
            image: busybox,
            command: ["sh", "-c", untilTerminated],
            volumeMounts: [{ name: "disk", mountPath: "/disk" }],
          },
        ],
        volumes: [{ name: "disk", emptyDir: {} }],
      }),
      pod("echo", { containers: [shell("exec nc -ll -p 7000 -e cat")] }),
    );
    await cluster.kubectl(
      "-n",
      "streams",
      "wait",
      "--for=condition=Ready",
      "pod/box",
      "pod/echo",
      "--timeout=4m",
    );
    directory = await mkdtemp(join(tmpdir(), "k8ts-streams-"));
    server = (await cluster.state()).pid;
  });

  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  const residentBytes = async () =>
    Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${server}/status`, "utf8"))?.[1]) * 1024;
  const openFiles = async () => (await readdir(`/proc/${server}/fd`)).length;
  const inBox = (...command: string[]) => cluster.kubectl("-n", "streams", "exec", "box", "--", ...command);

  test("a large file through kubectl cp and back arrives whole, in bounded memory", async (t) => {
    const path = join(directory, "gigabyte");
    const sum = await writeRandom(path, fileBytes);
    // What a first small copy loads and compiles is no matter of size.
    await inBox("sh", "-c", "head -c 50000000 /dev/zero > /disk/small");
    await cluster.kubectl("cp", "streams/box:/disk/small", join(directory, "small"));
    await cluster.kubectl("cp", join(directory, "small"), "streams/box:/disk/small");
    for (const { name, back } of [
      { name: "to the pod", back: false },
      { name: "from the pod", back: true },
    ]) {
      const before = await residentBytes();
      let peak = before;
      const sampling = setInterval(
        () => void residentBytes().then((bytes) => (peak = Math.max(peak, bytes))),
        50,
      );
      const begun = performance.now();
      const copied = `${path}.back`;
      const words = back ? ["streams/box:/disk/gigabyte", copied] : [path, "streams/box:/disk/gigabyte"];
      try {
        await cluster.kubectl("cp", "--retries=0", ...words);
      } finally {
        clearInterval(sampling);
      }
      const seconds = (performance.now() - begun) / 1000;
      const growth = Math.round((peak - before) / 2 ** 20);
      t.diagnostic(`${name}: ${Math.round(fileBytes / 1e6 / seconds)} MB/s, ${growth} MiB more at most`);
      // What came back whole was whole in the pod too; busybox needs longer for a checksum than all the rest takes.
      if (back) assert.equal(await sha256Of(copied), sum);
      else assert.equal(Number((await inBox("stat", "-c", "%s", "/disk/gigabyte")).trim()), fileBytes);
      assert.ok(peak - before < maxGrowthBytes, `${growth} MiB more`);
    }
  });

  for (const { name, env } of protocols) {
    test(`${name}: exit codes, streams apart, and the end of stdin`, async () => {
      const exec = (words: readonly string[], input?: string) =>
        cluster.kubectlWith(
          { env, ...(input === undefined ? {} : { input }) },
          "-n",
          "streams",
          "exec",
          ...words,
        );
      const script = "cat; echo out; echo err >&2; exit 7";
      const ended = await exec(["-i", "box", "--", "sh", "-c", script], "");
      assert.equal(ended.code, 7);
      assert.equal(ended.stdout, "out\n");
      assert.match(ended.stderr, /^err\n/);
      // What counts to the end of its input ends only when it is told of it, and answers after that.
      const counted = await exec(["-i", "box", "--", "sh", "-c", "wc -c; echo after"], "x".repeat(5_000_000));
      assert.deepEqual([counted.code, counted.stdout], [0, "5000000\nafter\n"]);
      const missing = await exec(["box", "--", "nothing-of-this-name"]);
      assert.notEqual(missing.code, 0);
    });

    test(`${name}: port-forward carries megabytes both ways at once`, async () => {
      Object.assign(process.env, env); // a client in the background has the environment of this process
      const forward = cluster.kubectlInBackground("-n", "streams", "port-forward", "pod/echo", ":7000");
      for (const variable of Object.keys(env)) delete process.env[variable];
      try {
        const text = await eventually(
          "port-forward",
          async () => forward.output(),
          (output) => output.includes("Forwarding from"),
        );
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
        const { connect } = await import("node:net");
        const data = randomBytes(20_000_000);
        const hash = createHash("sha256");
        await new Promise<void>((resolve, reject) => {
          let left = data.length;
          const socket = connect({ host: "127.0.0.1", port });
          socket.on("error", reject);
          socket.on("data", (chunk: Buffer) => {
            hash.update(chunk);
            left -= chunk.length;
            if (left === 0) {
              socket.destroy();
              resolve();
            }
          });
          socket.write(data);
        });
        assert.equal(hash.digest("hex"), createHash("sha256").update(data).digest("hex"));
      } finally {
        await forward.stop();
      }
    });
  }

  test("a client that goes away in the middle leaves no process and no connection behind", async () => {
    const before = await openFiles();
    const clients = Array.from({ length: 6 }, (_, index) =>
      cluster.kubectlInBackground(
        "-n",
        "streams",
        "exec",
        "-i",
        "box",
        "--",
        "sh",
        "-c",
        index % 2 === 0 ? "exec cat" : "cat; exit 3",
      ),
    );
    const running = async () => (await inBox("sh", "-c", "ps -o args | grep -c '^cat' || true")).trim();
    await eventually("six processes", running, (count) => count === "6");
    await Promise.all(clients.map((client) => client.stop()));
    await eventually("their end", running, (count) => count === "0");
    await eventually("no connection more than before", openFiles, (count) => count <= before + 2);
  });
});

/** A file of random blocks, and its checksum. */
async function writeRandom(path: string, bytes: number): Promise<string> {
  const block = randomBytes(16 * 2 ** 20);
  const hash = createHash("sha256");
  await using file = await open(path, "w");
  for (let written = 0; written < bytes; written += block.length) {
    block.writeUInt32BE(written / block.length, 0);
    hash.update(block);
    await file.write(block);
  }
  return hash.digest("hex");
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
