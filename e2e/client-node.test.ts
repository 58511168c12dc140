import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { after, before, describe, test } from "node:test";
import {
  Attach,
  CoreV1Api,
  Cp,
  Exec,
  KubeConfig,
  Log,
  PortForward,
  type V1Status,
} from "@kubernetes/client-node";
import { driveWithClientNode } from "../src/apiserver/test-support/client-node.ts";
import { eventually, RealCluster, skipReason } from "./test-support/cluster.ts";
import { busybox } from "./test-support/namespace.ts";

const namespace = "client-node";
const name = "box";

describe("@kubernetes/client-node against a real node", { skip: skipReason }, () => {
  let cluster: RealCluster;
  let config: KubeConfig;
  let api: CoreV1Api;
  let directory: string;

  before(async () => {
    cluster = await RealCluster.start({ nodes: 1 });
    directory = await mkdtemp(join(tmpdir(), "k8ts-client-node-"));
    config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    api = config.makeApiClient(CoreV1Api);
    await api.createNamespace({ body: { metadata: { name: namespace } } });
    await eventually(
      "the service account",
      async () => (await api.listNamespacedServiceAccount({ namespace })).items.length,
      (count) => count > 0,
    );
    const container = (own: string, script: string) => ({
      ...{ name: own, image: busybox, stdin: true },
      command: ["sh", "-c", script],
    });
    await api.createNamespacedPod({
      namespace,
      body: {
        metadata: { name },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            container("main", "echo started; while read line; do echo heard $line; done; sleep 3600"),
            container("echo", "exec nc -ll -p 7000 -e cat"),
          ],
        },
      },
    });
    await eventually(
      "a running pod",
      () => api.readNamespacedPod({ namespace, name }),
      ({ status }) => status?.containerStatuses?.every(({ ready }) => ready) === true,
    );
  });

  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  /** Runs a command; what it printed, and how it ended. */
  async function exec(command: string[], stdin: Readable | null = null) {
    const stdout = gather();
    const stderr = gather();
    const status = Promise.withResolvers<V1Status>();
    await new Exec(config).exec(
      namespace,
      name,
      "main",
      command,
      stdout,
      stderr,
      stdin,
      false,
      status.resolve,
    );
    return { status: await status.promise, stdout: stdout.text(), stderr: stderr.text() };
  }

  test("the API: CRUD, pages, every patch, apply, watch and informer", () =>
    driveWithClientNode(config, namespace));

  test("exec: streams apart, exit codes, and the end of stdin", async () => {
    const ended = await exec(["sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert.deepEqual([ended.stdout, ended.stderr], ["out\n", "err\n"]);
    assert.equal(ended.status.status, "Failure");
    assert.equal(ended.status.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message, "3");
    const counted = await exec(["head", "-c", "1000000"], Readable.from([Buffer.alloc(1_000_000, "x")]));
    assert.deepEqual([counted.status.status, counted.stdout.length], ["Success", 1_000_000]);
  });

  test("logs, followed while they grow; attach writes to what runs", async () => {
    const log = gather();
    const following = await new Log(config).log(namespace, name, "main", log, { follow: true });
    await eventually(
      "the first line",
      async () => log.text(),
      (text) => text.includes("started\n"),
    );
    const stdin = new PassThrough();
    const attached = await new Attach(config).attach(
      namespace,
      name,
      "main",
      gather(),
      gather(),
      stdin,
      false,
    );
    stdin.write("this\n");
    await eventually(
      "what was heard",
      async () => log.text(),
      (text) => text.includes("heard this\n"),
    );
    attached.close();
    following.abort();
  });

  test("port-forward carries bytes both ways", async () => {
    const output = gather();
    const input = new PassThrough();
    const socket = await new PortForward(config).portForward(namespace, name, [7000], output, null, input);
    const data = "forwarded ".repeat(10_000);
    input.write(data);
    await eventually(
      "the echo",
      async () => output.text().length,
      (length) => length === data.length,
    );
    assert.equal(output.text(), data);
    if (typeof socket !== "function") socket.close();
  });

  test("cp carries a folder into the pod and back", async () => {
    const source = join(directory, "sent");
    const target = join(directory, "back");
    await mkdir(source);
    await mkdir(target);
    const content = "content".repeat(100_000);
    await writeFile(join(source, "file"), content);
    const cp = new Cp(config);
    // The client's promise settles when the connection is open; the file is there a moment later.
    await cp.cpToPod(namespace, name, "main", source, "/tmp");
    await eventually(
      "the file in the pod",
      async () => (await exec(["sh", "-c", "cat $(find /tmp -name file) | wc -c"])).stdout.trim(),
      (length) => length === String(content.length),
    );
    const { stdout } = await exec(["sh", "-c", "dirname $(find /tmp -name file)"]);
    await cp.cpFromPod(namespace, name, "main", "file", target, stdout.trim());
    await eventually(
      "the file here",
      () => readFile(join(target, "file"), "utf8").catch(() => ""),
      (text) => text === content,
    );
  });
});

/** A stream that keeps what it is given. */
function gather(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  // The client leaves the end of a log that is given up to nobody.
  stream.on("pipe", (source: Readable) => source.on("error", () => undefined));
  return Object.assign(stream, { text: () => Buffer.concat(chunks).toString() });
}
