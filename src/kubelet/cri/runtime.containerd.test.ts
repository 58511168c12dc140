import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { buildImage, imageArchive } from "../images/oci-image.ts";
import { hostArchitecture } from "../images/pause-image.ts";
import { mirrorRegistry, type Registry, serveRegistry } from "../images/registry.ts";
import { testRuntimeCompliance } from "./compliance.ts";
import type { Containerd } from "./containerd.ts";
import { findBinary } from "./containerd-host.ts";
import { type ContainerdPlace, containerdPlace } from "./containerd-test-support.ts";
import type { ContainerEvent } from "./runtime.ts";

const run = promisify(execFile);
const shellImage = "k8ts.local/shell:1";

interface Fixture {
  readonly place: ContainerdPlace;
  readonly registries: readonly Registry[];
  containerd: Containerd;
}

let fixture: Promise<Fixture | string> | undefined;

/** One containerd for the whole file. */
function prepare(): Promise<Fixture | string> {
  fixture ??= (async () => {
    const place = await containerdPlace();
    if (typeof place === "string") return place;
    const containerd = await place.start();
    const archive = join(place.directory, "shell.tar");
    await writeFile(archive, imageArchive([await shell()]));
    assert.deepEqual(await containerd.importImage(archive), [shellImage]);
    const registry = await serveRegistry({
      images: [pullable("open/tool:1"), pullable("closed/tool:1")],
      login: { username: "robot", password: "s3cret" },
    });
    await mirrorRegistry(containerd.registryHostsDirectory, { host: "registry.test", url: registry.url });
    const open = await serveRegistry({ images: [pullable("open/tool:1")] });
    await mirrorRegistry(containerd.registryHostsDirectory, { host: "open.test", url: open.url });
    return { place, registries: [registry, open], containerd };
  })();
  return fixture;
}

after(async () => {
  const made = await fixture;
  if (made === undefined || typeof made === "string") return;
  await Promise.all(made.registries.map((registry) => registry.close()));
  await made.place.clear(made.containerd);
});

async function shell() {
  const busybox = await findBinary("busybox");
  const content = await readFile(busybox ?? "");
  const links = ["sh", "true", "false", "echo", "cat", "sleep", "wc", "head"].map(
    (name) => ({ type: "symlink", path: `bin/${name}`, target: "busybox" }) as const,
  );
  return buildImage({
    name: shellImage,
    architecture: hostArchitecture(),
    process: { command: ["sh"], env: ["PATH=/bin"] },
    layers: [
      [
        { type: "directory", path: "bin" },
        { type: "file", path: "bin/busybox", mode: 0o755, content },
        ...links,
      ],
    ],
  });
}

function pullable(name: string) {
  return buildImage({
    name: `registry.test/${name}`,
    architecture: hostArchitecture(),
    process: { command: ["/tool"] },
    layers: [[{ type: "file", path: "tool", mode: 0o755, content: Buffer.from(name) }]],
  });
}

testRuntimeCompliance("containerd", async () => {
  const made = await prepare();
  if (typeof made === "string") return made;
  return {
    connection: made.containerd,
    shellImage,
    pullableImage: "open.test/open/tool:1",
    unknownImage: "open.test/no/such:1",
    cgroupParent: made.place.cgroupParent,
    logDirectory: join(made.place.directory, "logs"),
    wait: (ms) => pause(ms),
    readLog: (path) => readFile(path, "utf8").catch(() => ""),
  };
});

function check(title: string, body: (fixture: Fixture) => Promise<void>) {
  test(`containerd: ${title}`, async (context) => {
    const made = await prepare();
    if (typeof made === "string") context.skip(made);
    else await body(made);
  });
}

const podConfig = ({ cgroupParent }: ContainerdPlace, name: string) => ({
  metadata: { name, uid: name, namespace: "default", attempt: 0 },
  linux: { cgroupParent },
});

check("pulls with the credentials given, and not without", async ({ containerd: { images } }) => {
  const name = "registry.test/closed/tool:1";
  await assert.rejects(images.pullImage(name), { name: "ImagePullError", reason: "ErrImagePull" });
  const auth = { username: "robot", password: "wrong" };
  await assert.rejects(images.pullImage(name, { auth }), { name: "ImagePullError" });
  await images.pullImage(name, { auth: { username: "robot", password: "s3cret" } });
  assert.ok((await images.imageStatus(name)) !== undefined);
});

check("tells each container's exit once, as it happens", async ({ place, containerd: { runtime } }) => {
  const stop = new AbortController();
  const ready = Promise.withResolvers<void>();
  const exits: { readonly event: ContainerEvent; readonly seenAtMs: number }[] = [];
  const listening = (async () => {
    for await (const event of runtime.events({ signal: stop.signal, onReady: ready.resolve }))
      if (event.type === "stopped") exits.push({ event, seenAtMs: Date.now() });
  })();
  await ready.promise;
  const config = podConfig(place, "exits");
  const sandbox = await runtime.runPodSandbox(config);
  for (let attempt = 0; attempt < 5; attempt++) {
    const container = { metadata: { name: "main", attempt }, image: shellImage, command: ["sleep", "0.1"] };
    await runtime.startContainer(await runtime.createContainer(sandbox, container, config));
    while (exits.length <= attempt) await pause(5);
  }
  stop.abort();
  await listening;
  await runtime.removePodSandbox(sandbox);
  assert.equal(new Set(exits.map(({ event }) => event.containerId)).size, 5);
  // Milliseconds on an idle machine (docs/design/cri.md); a busy one is no failure, a relist's period would be one.
  for (const { event, seenAtMs } of exits) assert.ok(seenAtMs - event.atMs < 10_000, "an exit was told late");
});

check("a container outlives containerd, which is started again; calls and events go on", async (made) => {
  const kept = await made.place.start({ keepRunning: true });
  const { runtime } = kept;
  const config = podConfig(made.place, "survivor");
  const sandbox = await runtime.runPodSandbox(config);
  const container = { metadata: { name: "main", attempt: 0 }, image: shellImage, command: ["sleep", "3600"] };
  const id = await runtime.createContainer(sandbox, container, config);
  await runtime.startContainer(id);
  const { startedAtMs } = await runtime.containerStatus(id);
  const stop = new AbortController();
  const seen: ContainerEvent[] = [];
  let readyCount = 0;
  const listening = (async () => {
    const onReady = () => {
      readyCount++;
    };
    for await (const event of runtime.events({ signal: stop.signal, onReady })) seen.push(event);
  })();
  while (readyCount === 0) await pause(5);

  const killed = kept.pid;
  process.kill(killed ?? 0, "SIGKILL");
  await assert.rejects(
    async () => {
      for (;;) await runtime.version();
    },
    { code: "Unavailable" },
  );
  const before = readyCount;
  while (kept.pid === killed) await pause(5);
  while (!(await runtime.version().then(Boolean, () => false))) await pause(5);
  const status = await runtime.containerStatus(id);
  assert.deepEqual([status.state, status.startedAtMs], ["running", startedAtMs]);
  while (readyCount === before) await pause(5);
  await runtime.stopContainer(id, 0);
  while (!seen.some(({ type, containerId }) => type === "stopped" && containerId === id)) await pause(5);
  stop.abort();
  await listening;
  await runtime.removePodSandbox(sandbox);
  await made.containerd.close();
  made.containerd = kept;
});

check("a second start adopts the one that runs, with its containers", async (made) => {
  const { runtime } = made.containerd;
  const config = podConfig(made.place, "adopted");
  const sandbox = await runtime.runPodSandbox(config);
  const second = await made.place.start();
  assert.deepEqual([second.adopted, second.pid], [true, made.containerd.pid]);
  assert.equal((await second.runtime.podSandboxStatus(sandbox)).state, "ready");
  await second.runtime.removePodSandbox(sandbox);
  await second.close();
});

check("one that is given by its socket is used and left running", async (made) => {
  const directory = join(made.place.directory, "elsewhere");
  const given = await made.place.start({ directory, address: `unix://${made.containerd.address}` });
  assert.equal(given.adopted, true);
  await given.stop({ purge: true });
  assert.match((await made.containerd.runtime.version()).runtimeName, /containerd/);
});

check("a socket where nobody answers is told in one sentence", async ({ place }) => {
  const address = join(place.directory, "nobody.sock");
  await assert.rejects(place.start({ directory: join(place.directory, "x"), address }), {
    name: "ContainerdSetupError",
    message: /no container runtime answers at .*nobody\.sock/,
  });
});

check("stopping leaves no process, no mount and no directory", async () => {
  const place = await containerdPlace();
  assert.ok(typeof place === "object");
  const containerd = await place.start();
  const archive = join(place.directory, "shell.tar");
  await writeFile(archive, imageArchive([await shell()]));
  await containerd.importImage(archive);
  const config = podConfig(place, "leftover");
  const sandbox = await containerd.runtime.runPodSandbox(config);
  const container = { metadata: { name: "main", attempt: 0 }, image: shellImage, command: ["sleep", "3600"] };
  await containerd.runtime.startContainer(
    await containerd.runtime.createContainer(sandbox, container, config),
  );
  await place.clear(containerd);
  await assert.rejects(readdir(place.directory), { code: "ENOENT" });
  assert.ok(!(await readFile("/proc/self/mountinfo", "utf8")).includes(place.directory));
  const { stdout } = await run("ps", ["-eo", "args"]);
  assert.ok(!stdout.includes(place.directory), "a process of it is left");
});

check("a directory whose containerd was killed is cleared all the same", async () => {
  const { clearContainerd } = await import("./containerd.ts");
  const place = await containerdPlace();
  assert.ok(typeof place === "object");
  const containerd = await place.start();
  await containerd.runtime.runPodSandbox(podConfig(place, "orphan"));
  process.kill(containerd.pid ?? 0, "SIGKILL");
  await containerd.close();
  assert.equal(await clearContainerd({ directory: place.directory, purge: true }), true);
  assert.equal(await clearContainerd({ directory: place.directory, purge: true }), false);
  await place.clear(undefined);
  const { stdout } = await run("ps", ["-eo", "args"]);
  assert.ok(!stdout.includes(place.directory), "a process of it is left");
});

check("a gigabyte goes through exec in bounded memory", async ({ place, containerd: { runtime } }) => {
  const config = podConfig(place, "stream");
  const sandbox = await runtime.runPodSandbox(config);
  const container = { metadata: { name: "main", attempt: 0 }, image: shellImage, command: ["sleep", "3600"] };
  const id = await runtime.createContainer(sandbox, container, config);
  await runtime.startContainer(id);
  const sizeBytes = 256 * 1024 * 1024; // a quarter of it: the rest only repeats
  let read = 0;
  let peakBytes = 0;
  const beforeBytes = process.memoryUsage.rss();
  const stdout = {
    async write(chunk: Uint8Array) {
      read += chunk.length;
      peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    },
    async close() {},
  };
  const command = ["head", "-c", String(sizeBytes), "/dev/zero"];
  const exit = await runtime.exec({ containerId: id, command, tty: false }, { stdout });
  await runtime.removePodSandbox(sandbox);
  assert.deepEqual([exit.exitCode, read], [0, sizeBytes]);
  assert.ok(peakBytes - beforeBytes < 100e6, `${(peakBytes - beforeBytes) / 1e6} MB more`);
});

check("a directory whose name is too long for a socket serves as well as another", async () => {
  const { clearContainerd } = await import("./containerd.ts");
  const place = await containerdPlace();
  assert.ok(typeof place === "object");
  const directory = join(place.directory, "long".repeat(25));
  const containerd = await place.start({ directory });
  assert.ok(!containerd.address.startsWith(directory));
  await rm(join(directory, "containerd.pid"));
  const again = await place.start({ directory });
  assert.deepEqual([again.adopted, again.pid], [true, containerd.pid], "it is found without its pid file");
  await Promise.all([containerd.close(), again.close()]);
  await clearContainerd({ directory, purge: true });
  await place.clear(undefined);
});
