import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { pack } from "tar-stream";
import { pods } from "../api/resources.generated.ts";
import {
  attachToPod,
  connect,
  connectToPod,
  copyFromPod,
  copyToPod,
  forwardPort,
  podLogs,
  runInPod,
  type StreamConnection,
} from "../client/index.ts";
import type { ContainerBehavior, SimProcess, TestCluster } from "./index.ts";
import { startCluster } from "./index.ts";

const name = { namespace: "default", name: "app" };

/** A cluster with one pod, whose container does as it is said here. */
async function clusterWith(behavior: ContainerBehavior, container: object = {}): Promise<TestCluster> {
  const cluster = await startCluster({ runtime: { behavior: () => behavior } });
  await cluster.client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: name,
    spec: { containers: [{ name: "app", image: "app", ...container }] },
  });
  await cluster.until(async () => (await cluster.client.get(pods, name)).status?.phase === "Running");
  return cluster;
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const encode = (what: string) => new TextEncoder().encode(what);

/** Within the process, and over HTTPS as any other client. */
const ways: readonly {
  readonly way: string;
  readonly reach: (cluster: TestCluster) => Promise<StreamConnection>;
}[] = [
  { way: "within the process", reach: async (cluster) => cluster },
  { way: "over HTTPS", reach: async (cluster) => connect({ kubeconfig: (await cluster.kubeconfig()).path }) },
];

for (const { way, reach } of ways) {
  test(`A command that the test gives runs in a simulated pod, ${way}: its streams, its exit code, whoever refuses`, async () => {
    await using cluster = await clusterWith({
      async exec([program], { stdin, stdout, stderr }) {
        if (program !== "shout") return undefined;
        for await (const chunk of stdin) await stdout(decode(chunk).toUpperCase());
        await stderr("done");
        return { exitCode: 4 };
      },
    });
    const connection = await reach(cluster);
    const shouted = await runInPod(connection, name, { command: ["shout"], stdin: "hello" });
    assert.deepEqual(shouted, { exitCode: 4, stdout: "HELLO", stderr: "done" });
    // The simulator's own.
    assert.equal((await runInPod(connection, name, { command: ["echo", "as", "ever"] })).stdout, "as ever\n");
    const missing = runInPod(connection, { ...name, name: "gone" }, { command: ["true"] });
    await assert.rejects(missing, { name: "ApiError", message: 'pods "gone" not found' });
    const broken = runInPod(connection, name, {
      command: ["shout"],
      stdin: (async function* () {
        yield encode("a");
        throw new Error("the input broke");
      })(),
    });
    await assert.rejects(broken, /the input broke/);
  });

  test(`A terminal in a simulated pod has a size, one output, and an end by its signal, ${way}`, async () => {
    const left = Promise.withResolvers<void>();
    await using cluster = await clusterWith({
      async exec(_command, { tty, sizes, stderr, signal }) {
        signal.addEventListener("abort", () => left.resolve());
        for await (const { width, height } of sizes) await stderr(`${tty} ${width}x${height}\n`);
        return { exitCode: 0 };
      },
    });
    const grown = Promise.withResolvers<void>();
    const stop = new AbortController();
    let seen = "";
    const running = runInPod(await reach(cluster), name, {
      command: ["sh"],
      tty: true,
      sizes: (async function* () {
        yield { width: 80, height: 24 };
        await grown.promise;
        yield { width: 132, height: 43 };
      })(),
      onStdout(chunk) {
        seen += decode(chunk);
        grown.resolve();
        if (seen.includes("132")) stop.abort(new Error("enough"));
      },
      signal: stop.signal,
    });
    await assert.rejects(running, /enough/);
    assert.equal(seen, "true 80x24\ntrue 132x43\n");
    await left.promise;
  });

  test(`A container's own program is attached to, its log is read and followed to its last word, ${way}`, async () => {
    await using cluster = await clusterWith(
      {
        async run({ stdin, stdout, signal }: SimProcess) {
          await stdout("ready\n");
          for await (const chunk of stdin) await stdout(`heard ${decode(chunk)}`);
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
          await stdout("good bye");
          return 3;
        },
      },
      { stdin: true, stdinOnce: true },
    );
    const connection = await reach(cluster);
    const lines: string[] = [];
    const following = (async () => {
      for await (const line of podLogs(cluster.client, name, { follow: true })) lines.push(line);
    })();
    const heard = Promise.withResolvers<void>();
    let seen = "";
    const attached = attachToPod(connection, name, {
      stdin: "you\n",
      onStdout(chunk) {
        seen += decode(chunk);
        if (seen.includes("heard")) heard.resolve();
      },
    });
    await heard.promise;
    await cluster.client.delete(pods, name);
    await cluster.advance("1m");
    assert.equal((await attached).exitCode, 0);
    await following;
    assert.equal(seen, "heard you\ngood bye");
    assert.deepEqual(lines, ["ready", "heard you", "good bye"]);
  });

  test(`A port of a simulated pod is reached, and one that nothing listens on refuses, ${way}`, async () => {
    await using cluster = await clusterWith({
      connect(port, { source, sink }) {
        if (port !== 80) return undefined;
        const serve = async () => {
          let head = "";
          for await (const chunk of source) {
            head += decode(chunk);
            if (head.endsWith("\r\n\r\n")) break;
          }
          const body = `you asked for ${head.split(" ")[1]}`;
          await sink.write(
            encode(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
          );
          await sink.close();
        };
        return serve();
      },
    });
    const connection = await reach(cluster);
    const socket = await connectToPod(connection, name, 80);
    const response = await new Promise<AsyncIterable<Uint8Array>>((resolve, reject) =>
      request({ path: "/direct", createConnection: () => socket }, resolve)
        .on("error", reject)
        .end(),
    );
    assert.equal(await text(response), "you asked for /direct");
    const errors: string[] = [];
    const onError = ({ message }: Error) => void errors.push(message);
    await using forwarded = await forwardPort(connection, name, 80);
    const pages = ["a", "b", "c"].map(async (page) =>
      (await fetch(`http://127.0.0.1:${forwarded.port}/${page}`)).text(),
    );
    assert.deepEqual(
      await Promise.all(pages),
      ["a", "b", "c"].map((page) => `you asked for /${page}`),
    );
    await using refused = await forwardPort(connection, name, 81, { onError });
    await assert.rejects(fetch(`http://127.0.0.1:${refused.port}/`));
    assert.match(errors.join(), /failed to connect to localhost:81 inside the pod: connection refused/);
    // The API server's own proxy gets there, too.
    const proxied = await cluster.client.raw("/api/v1/namespaces/default/pods/app:80/proxy/x");
    assert.deepEqual(proxied, { text: "you asked for /x" });
  });

  test(`A connection to a port is held back to the pace of its reader, and ends in each direction by itself, ${way}`, async () => {
    const totalBytes = 8 * 1024 * 1024;
    let written = 0;
    const stopped = Promise.withResolvers<void>();
    await using cluster = await clusterWith({
      async connect(_port, { source, sink }) {
        const asked = [];
        for await (const chunk of source) asked.push(chunk);
        assert.equal(decode(Buffer.concat(asked)), "go");
        const chunk = new Uint8Array(64 * 1024);
        for (; written < totalBytes; written += chunk.length) {
          const taken = sink.write(chunk);
          const waits = await Promise.race([taken.then(() => false), turn().then(() => true)]);
          if (waits) stopped.resolve();
          await taken;
        }
        await sink.close();
      },
    });
    const socket = await connectToPod(await reach(cluster), name, 80);
    socket.end("go");
    await stopped.promise;
    assert.ok(written < totalBytes, "the writer waits for the reader");
    let read = 0;
    for await (const chunk of socket) read += (chunk as Uint8Array).length;
    assert.equal(read, totalBytes);
  });
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 50));

/** A container whose files lie in a folder of this machine, with this machine's tar. */
function withFolder(folder: string): ContainerBehavior {
  return {
    async exec([program = "", ...args], { stdin, stdout, stderr }) {
      const inside = args.map((word) => (word.startsWith("/") ? join(folder, word) : word));
      const child = spawn(program, inside, { stdio: ["pipe", "pipe", "pipe"] });
      const exited = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 1)));
      const feed = async () => {
        for await (const chunk of stdin) child.stdin.write(chunk);
        child.stdin.end();
      };
      await Promise.all([
        feed(),
        (async () => {
          for await (const chunk of child.stdout) await stdout(chunk as Uint8Array);
        })(),
        (async () => {
          for await (const chunk of child.stderr) await stderr(chunk as Uint8Array);
        })(),
      ]);
      return { exitCode: await exited };
    },
  };
}

test("Files and folders are copied to a pod and from it, whatever their names and sizes, links left out", async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-copy-"));
  try {
    const [container, here] = [join(folder, "container"), join(folder, "here")];
    const long = "a-name-that-is-longer-than-what-the-header-of-an-archive-holds".repeat(2);
    await mkdir(join(container, "srv"), { recursive: true });
    await mkdir(join(here, "site", long), { recursive: true });
    await mkdir(join(here, "site", "empty"));
    const large = Buffer.alloc(700_001, "large ");
    await writeFile(join(here, "site", long, `größe-${long}`), large);
    await writeFile(join(here, "site", "run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    await writeFile(join(here, "site", "nothing"), "");
    const { symlink } = await import("node:fs/promises");
    await symlink("/etc/passwd", join(here, "site", "link"));
    await using cluster = await clusterWith(withFolder(container));

    const sent = await copyToPod(cluster, name, { from: join(here, "site"), to: "/srv/www" });
    assert.deepEqual(sent, { files: 3, bytes: 700_011, skipped: [join(here, "site", "link")] });
    assert.deepEqual(await readFile(join(container, "srv/www", long, `größe-${long}`)), large);

    await symlink("/etc", join(container, "srv/www/outside"));
    const got = await copyFromPod(cluster, name, { from: "/srv/www", to: join(here, "back") });
    assert.deepEqual(got, { files: 3, bytes: 700_011, skipped: ["www/outside"] });
    assert.deepEqual((await readdir(join(here, "back"))).sort(), [long, "empty", "nothing", "run.sh"].sort());
    assert.deepEqual(await readFile(join(here, "back", long, `größe-${long}`)), large);
    assert.equal((await stat(join(here, "back", "run.sh"))).mode & 0o777, 0o755);

    const one = await copyFromPod(cluster, name, { from: "/srv/www/run.sh", to: join(here, "one/start.sh") });
    assert.deepEqual(one, { files: 1, bytes: 10, skipped: [] });
    assert.equal(await readFile(join(here, "one/start.sh"), "utf8"), "#!/bin/sh\n");
    const missing = copyFromPod(cluster, name, { from: "/srv/missing", to: join(here, "x") });
    await assert.rejects(missing, /tar in pod app ended with exit code \d+: .*missing/s);
    await assert.rejects(copyToPod(cluster, name, { from: join(here, "missing"), to: "/srv/x" }), /ENOENT/);
    const given = copyToPod(cluster, name, {
      from: here,
      to: "/srv/y",
      signal: AbortSignal.abort(new Error("no")),
    });
    await assert.rejects(given, /no/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("A container cannot write where it was not asked to", async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-copy-"));
  try {
    for (const path of ["../evil", "/etc/evil", "www/../../evil", "other/file"]) {
      await using cluster = await clusterWith({
        async exec(_command, { stdout }) {
          const archive = pack();
          archive.entry({ name: path }, "");
          archive.finalize();
          for await (const chunk of archive) await stdout(chunk);
          return { exitCode: 0 };
        },
      });
      const copying = copyFromPod(cluster, name, { from: "/srv/www", to: join(folder, "to") });
      await assert.rejects(copying, /a path that was not asked for/);
    }
    assert.deepEqual(await readdir(folder), []);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("Another user is refused as RBAC says", async () => {
  await using cluster = await clusterWith({});
  const alice = cluster.connectionFor({ name: "alice", groups: ["system:authenticated"] });
  const refused = runInPod(alice, name, { command: ["true"] });
  await assert.rejects(refused, {
    name: "ApiError",
    message: /cannot create resource "pods\/exec"|cannot get resource "pods\/exec"/,
  });
});
