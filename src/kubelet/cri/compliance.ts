import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteSink, ByteSource } from "../../client/streaming/byte-stream.ts";
import type { ContainerConfig, PodSandboxConfig } from "./config.ts";
import { CriError } from "./cri-error.ts";
import type { ContainerEvent, ContainerStatus, ImageService, RuntimeConnection } from "./runtime.ts";

/** What the compliance suite runs against. */
export interface ComplianceSubject {
  readonly connection: RuntimeConnection;
  /** An image with a shell, true, false, echo, cat and sleep; present from the start. */
  readonly shellImage: string;
  /** One that is not there yet and can be pulled; its pull is part of the suite. */
  readonly pullableImage: string;
  /** A name that no registry has. */
  readonly unknownImage: string;
  readonly logDirectory: string;
  /** Lets the given time pass. */
  readonly wait: (ms: number) => Promise<void>;
  readonly readLog: (path: string) => Promise<string>;
}

/**
 * What every container runtime behind the interface has to do, as tests of `name`. `subject` is called once, in the first
 * of them; a string that it resolves to is the reason to skip them all.
 */
export function testRuntimeCompliance(
  name: string,
  subject: () => Promise<ComplianceSubject | string>,
): void {
  let made: Promise<ComplianceSubject | string> | undefined;
  let podCount = 0;
  const check = (title: string, body: (fixture: Fixture) => Promise<void>) =>
    test(`${name}: ${title}`, async (context) => {
      made ??= subject();
      const given = await made;
      if (typeof given === "string") {
        context.skip(given);
        return;
      }
      const fixture = new Fixture(given, ++podCount);
      try {
        await body(fixture);
      } finally {
        await fixture.removeAll();
      }
    });

  check("tells its version and that it is ready", async ({ runtime }) => {
    const { runtimeName, runtimeApiVersion } = await runtime.version();
    assert.ok(runtimeName.length > 0);
    assert.equal(runtimeApiVersion, "v1");
    const { conditions } = await runtime.status();
    assert.equal(conditions.find(({ type }) => type === "RuntimeReady")?.status, true);
  });

  check("runs a sandbox, shows it by its labels and gives it an address", async (fixture) => {
    const { runtime } = fixture;
    const { podSandboxId, config } = await fixture.sandbox();
    const status = await runtime.podSandboxStatus(podSandboxId);
    assert.equal(status.state, "ready");
    assert.deepEqual(status.metadata, config.metadata);
    assert.match(status.ips[0] ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(status.annotations, config.annotations);
    const found = await runtime.listPodSandboxes({ labels: config.labels ?? {} });
    assert.deepEqual(
      found.map(({ id }) => id),
      [podSandboxId],
    );
    assert.deepEqual(await runtime.listPodSandboxes({ labels: { ...config.labels, other: "x" } }), []);
  });

  check("a stopped sandbox is not ready, and stopping and removing are idempotent", async (fixture) => {
    const { runtime } = fixture;
    const { podSandboxId, config } = await fixture.sandbox();
    await runtime.stopPodSandbox(podSandboxId);
    await runtime.stopPodSandbox(podSandboxId);
    assert.equal((await runtime.podSandboxStatus(podSandboxId)).state, "notReady");
    assert.deepEqual(await runtime.listPodSandboxes({ state: "ready", labels: config.labels ?? {} }), []);
    await runtime.removePodSandbox(podSandboxId);
    await runtime.removePodSandbox(podSandboxId);
    await assert.rejects(runtime.podSandboxStatus(podSandboxId), withCode("NotFound"));
  });

  check(
    "an unknown id is told as NotFound where it matters, and is no error to stop or remove",
    async ({ runtime }) => {
      await assert.rejects(runtime.containerStatus("nobody"), withCode("NotFound"));
      await assert.rejects(runtime.startContainer("nobody"), withCode("NotFound"));
      await assert.rejects(runtime.podSandboxStatus("nobody"), withCode("NotFound"));
      await runtime.stopContainer("nobody", 1);
      await runtime.removeContainer("nobody");
      await runtime.stopPodSandbox("nobody");
      await runtime.removePodSandbox("nobody");
      assert.deepEqual(await runtime.listContainers({ id: "nobody" }), []);
    },
  );

  check("a container is created, then runs, then has exited with its code", async (fixture) => {
    const { runtime } = fixture;
    const pod = await fixture.sandbox();
    const id = await fixture.create(pod, ["sh", "-c", "sleep 0.3; exit 3"]);
    assert.equal((await runtime.containerStatus(id)).state, "created");
    await runtime.startContainer(id);
    const running = await runtime.containerStatus(id);
    assert.equal(running.state, "running");
    assert.ok(running.startedAtMs >= running.createdAtMs && running.createdAtMs > 0);
    const exited = await fixture.exited(id);
    assert.deepEqual([exited.exitCode, exited.reason], [3, "Error"]);
    assert.ok(exited.finishedAtMs >= running.startedAtMs);
  });

  check(
    "a container that succeeds is Completed, and its status keeps what it was made with",
    async (fixture) => {
      const { runtime, shellImage } = fixture;
      const pod = await fixture.sandbox();
      const id = await fixture.run(pod, ["true"], { labels: { role: "job" }, annotations: { note: "kept" } });
      const status = await fixture.exited(id);
      assert.deepEqual([status.exitCode, status.reason], [0, "Completed"]);
      assert.deepEqual([status.labels, status.annotations], [{ role: "job" }, { note: "kept" }]);
      const [listed] = await runtime.listContainers({
        podSandboxId: pod.podSandboxId,
        labels: { role: "job" },
      });
      assert.equal(listed?.id, id);
      assert.equal(listed?.podSandboxId, pod.podSandboxId);
      assert.match(listed?.image ?? "", new RegExp(shellImage.split("/").at(-1) ?? ""));
      assert.deepEqual(
        await runtime.listContainers({ podSandboxId: pod.podSandboxId, state: "running" }),
        [],
      );
    },
  );

  check("a container of an image that is not there cannot be created", async (fixture) => {
    const pod = await fixture.sandbox();
    await assert.rejects(fixture.create(pod, ["true"], { image: fixture.unknownImage }), CriError);
  });

  check("a container whose stop signal is ignored is killed after its grace period", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sh", "-c", "trap '' TERM; sleep 3600"]);
    await fixture.wait(50); // the shell gets to its trap
    await fixture.waiting(fixture.runtime.stopContainer(id, 1));
    const status = await fixture.runtime.containerStatus(id);
    assert.deepEqual([status.state, status.exitCode], ["exited", 137]);
    await fixture.runtime.stopContainer(id, 1);
  });

  check("a container that heeds its stop signal ends before its grace period", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    await fixture.wait(50); // the program gets to its handlers
    await fixture.waiting(fixture.runtime.stopContainer(id, 3600));
    assert.equal((await fixture.runtime.containerStatus(id)).exitCode, 143);
  });

  check("stopping a sandbox stops its containers, removing it removes them", async (fixture) => {
    const { runtime } = fixture;
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    await fixture.waiting(runtime.stopPodSandbox(pod.podSandboxId));
    assert.equal((await runtime.containerStatus(id)).state, "exited");
    await runtime.removePodSandbox(pod.podSandboxId);
    await assert.rejects(runtime.containerStatus(id), withCode("NotFound"));
  });

  check("a running container can be removed", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    await fixture.waiting(fixture.runtime.removeContainer(id));
    assert.deepEqual(await fixture.runtime.listContainers({ id }), []);
  });

  check("writes what a container says to its log, a line each with its stream", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sh", "-c", "echo out; echo err >&2"]);
    const { logPath } = await fixture.exited(id);
    const lines = await fixture.log(logPath, 2);
    assert.deepEqual(
      lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) /, "")).sort(),
      ["stderr F err", "stdout F out"],
    );
  });

  check("execSync gives the output and the exit code", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const result = await fixture.runtime.execSync(id, ["sh", "-c", "echo out; echo err >&2; exit 3"], 10);
    assert.deepEqual([text(result.stdout), text(result.stderr), result.exitCode], ["out\n", "err\n", 3]);
  });

  check("execSync past its time fails with DeadlineExceeded", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const late = fixture.runtime.execSync(id, ["sleep", "30"], 1);
    await assert.rejects(fixture.waiting(late), withCode("DeadlineExceeded"));
  });

  check("execSync in a container that does not run fails", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.create(pod, ["true"]);
    await assert.rejects(fixture.runtime.execSync(id, ["true"], 5), CriError);
    await assert.rejects(fixture.runtime.execSync("nobody", ["true"], 5), withCode("NotFound"));
  });

  check("exec copies its streams, ends its input and gives the exit code", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const [stdout, stderr] = [collector(), collector()];
    const exit = await fixture.runtime.exec(
      { containerId: id, command: ["sh", "-c", "cat; echo err >&2; exit 5"], tty: false },
      { stdin: bytesOf("to and fro"), stdout, stderr },
    );
    assert.deepEqual([exit.exitCode, stdout.text(), stderr.text()], [5, "to and fro", "err\n"]);
  });

  check("exec that is aborted rejects", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const abort = new AbortController();
    const running = fixture.runtime.exec(
      { containerId: id, command: ["sleep", "3600"], tty: false },
      { stdout: collector() },
      { signal: abort.signal },
    );
    const rejected = assert.rejects(running, { name: "AbortError" });
    await fixture.wait(50);
    abort.abort();
    await rejected;
  });

  check("attach joins the main process's streams until it ends", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["cat"], { stdin: true, stdinOnce: true });
    const stdout = collector();
    await fixture.waiting(
      fixture.runtime.attach({ containerId: id, tty: false }, { stdin: bytesOf("attached\n"), stdout }),
    );
    assert.equal(stdout.text(), "attached\n");
  });

  check("port-forward to a port where nobody listens fails", async (fixture) => {
    const pod = await fixture.sandbox();
    const connection = { source: bytesOf("hello"), sink: collector() };
    await assert.rejects(fixture.runtime.portForward(pod.podSandboxId, 9, connection));
  });

  check("tells events as they happen, in agreement with what it lists then", async (fixture) => {
    const { runtime } = fixture;
    const stop = new AbortController();
    const seen: ContainerEvent[] = [];
    const states: Record<string, string> = {};
    const ready = Promise.withResolvers<void>();
    const listening = (async () => {
      for await (const event of runtime.events({ signal: stop.signal, onReady: ready.resolve })) {
        const [container] = await runtime.listContainers({ id: event.containerId });
        if (container !== undefined) states[event.type] = container.state;
        seen.push(event);
      }
    })();
    await ready.promise;
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sh", "-c", "sleep 0.2"]);
    await fixture.until(() => seen.some(({ type, containerId }) => type === "stopped" && containerId === id));
    assert.equal(states.stopped, "exited");
    assert.deepEqual(
      seen
        .filter(({ containerId }) => containerId === id)
        .map(({ type }) => type)
        .filter((type) => type !== "created"),
      ["started", "stopped"],
    );
    const stopped = seen.find(({ type, containerId }) => type === "stopped" && containerId === id);
    assert.equal(stopped?.podSandboxId, pod.podSandboxId);
    await runtime.removeContainer(id);
    await fixture.until(() => seen.some(({ type, containerId }) => type === "deleted" && containerId === id));
    stop.abort();
    await listening;
  });

  check("updates a container's resources", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"], {
      linux: { resources: { memoryLimitBytes: 64 * 1024 * 1024, cpuShares: 100 } },
    });
    await fixture.runtime.updateContainerResources(id, { memoryLimitBytes: 96 * 1024 * 1024 });
    const { resources } = await fixture.runtime.containerStatus(id);
    assert.equal(resources?.memoryLimitBytes, 96 * 1024 * 1024);
  });

  check("tells the statistics of a running container", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const stats = await fixture.runtime.containerStats(id);
    assert.equal(stats.id, id);
    assert.ok((stats.memory?.workingSetBytes ?? 0) > 0);
    const all = await fixture.runtime.listContainerStats({ podSandboxId: pod.podSandboxId });
    assert.deepEqual(
      all.map((each) => each.id),
      [id],
    );
  });

  check("pulls an image, knows it by name and id, and removes it", async ({ images, pullableImage }) => {
    assert.equal(await images.imageStatus(pullableImage), undefined);
    const reference = await images.pullImage(pullableImage);
    const image = await images.imageStatus(pullableImage);
    assert.ok(image !== undefined && image.sizeBytes > 0);
    assert.equal((await images.imageStatus(reference))?.id, image.id);
    assert.ok((await images.listImages()).some(({ id }) => id === image.id));
    await images.removeImage(image.id);
    await images.removeImage(image.id);
    assert.equal(await images.imageStatus(pullableImage), undefined);
  });

  check("a pull that fails says so with ErrImagePull", async ({ images, unknownImage }) => {
    await assert.rejects(images.pullImage(unknownImage), { name: "ImagePullError", reason: "ErrImagePull" });
  });

  check("tells how full the image file system is", async ({ images }) => {
    const { imageFilesystems } = await images.imageFsInfo();
    assert.ok((imageFilesystems[0]?.mountpoint.length ?? 0) > 0);
  });
}

interface Pod {
  readonly podSandboxId: string;
  readonly config: PodSandboxConfig;
}

/** Makes pods of a test's own and removes them after it. */
class Fixture {
  readonly #subject: ComplianceSubject;
  readonly #number: number;
  readonly #pods: string[] = [];
  #containers = 0;

  constructor(subject: ComplianceSubject, number: number) {
    this.#subject = subject;
    this.#number = number;
  }

  get runtime() {
    return this.#subject.connection.runtime;
  }

  get images(): ImageService {
    return this.#subject.connection.images;
  }

  get shellImage() {
    return this.#subject.shellImage;
  }

  get pullableImage() {
    return this.#subject.pullableImage;
  }

  get unknownImage() {
    return this.#subject.unknownImage;
  }

  wait(ms: number): Promise<void> {
    return this.#subject.wait(ms);
  }

  async sandbox(): Promise<Pod> {
    const name = `compliance-${this.#number}`;
    const config: PodSandboxConfig = {
      metadata: { name, uid: `uid-${name}`, namespace: "default", attempt: 0 },
      hostname: name,
      logDirectory: `${this.#subject.logDirectory}/${name}`,
      labels: { "compliance/pod": name },
      annotations: { note: name },
    };
    const podSandboxId = await this.waiting(this.runtime.runPodSandbox(config));
    this.#pods.push(podSandboxId);
    return { podSandboxId, config };
  }

  create(pod: Pod, command: readonly string[], extra: Partial<ContainerConfig> = {}): Promise<string> {
    const name = `container-${++this.#containers}`;
    const config: ContainerConfig = {
      metadata: { name, attempt: 0 },
      image: this.shellImage,
      command,
      logPath: `${name}/0.log`,
      ...extra,
    };
    return this.waiting(this.runtime.createContainer(pod.podSandboxId, config, pod.config));
  }

  async run(pod: Pod, command: readonly string[], extra: Partial<ContainerConfig> = {}): Promise<string> {
    const id = await this.create(pod, command, extra);
    await this.waiting(this.runtime.startContainer(id));
    return id;
  }

  /** Lets time pass until the work is done (a virtual clock moves only when told to). */
  async waiting<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    settled.catch(() => {}); // told below
    while (!done) await this.wait(10);
    return settled;
  }

  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await condition()); tries++) {
      assert.ok(tries < 1000, "it did not happen");
      await this.wait(10);
    }
  }

  async exited(id: string): Promise<ContainerStatus> {
    await this.until(async () => (await this.runtime.containerStatus(id)).state === "exited");
    return this.runtime.containerStatus(id);
  }

  /** The log's lines, once there are as many. */
  async log(path: string, count: number): Promise<string[]> {
    let lines: string[] = [];
    await this.until(async () => {
      lines = (await this.#subject.readLog(path)).split("\n").filter((line) => line !== "");
      return lines.length >= count;
    });
    return lines;
  }

  async removeAll(): Promise<void> {
    for (const id of this.#pods) {
      await this.waiting(this.runtime.stopPodSandbox(id));
      await this.waiting(this.runtime.removePodSandbox(id));
    }
  }
}

function withCode(code: string) {
  return (error: unknown) => {
    assert.ok(error instanceof CriError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function* bytesOf(content: string): ByteSource {
  yield new TextEncoder().encode(content);
}

function collector(): ByteSink & { text(): string } {
  let content = "";
  return {
    text: () => content,
    write: async (chunk) => {
      content += text(chunk);
    },
    close: async () => {},
  };
}
