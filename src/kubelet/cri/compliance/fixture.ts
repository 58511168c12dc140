import assert from "node:assert/strict";
import type { ByteSink, ByteSource } from "../../../client/streaming/byte-stream.ts";
import type { ContainerConfig, PodSandboxConfig } from "../config.ts";
import { CriError } from "../cri-error.ts";
import type { ContainerStatus, ImageService, RuntimeConnection } from "../runtime.ts";

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
  /** Where the pods' control groups go; the runtime's own place when absent. */
  readonly cgroupParent?: string;
  /** Lets the given time pass. */
  readonly wait: (ms: number) => Promise<void>;
  readonly readLog: (path: string) => Promise<string>;
}

/** Declares one test of the suite. */
export type Check = (title: string, body: (fixture: Fixture) => Promise<void>) => void;

export interface Pod {
  readonly podSandboxId: string;
  readonly config: PodSandboxConfig;
}

/** Makes pods of a test's own and removes them after it. */
export class Fixture {
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
      ...(this.#subject.cgroupParent !== undefined && {
        linux: { cgroupParent: this.#subject.cgroupParent },
      }),
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

export function withCode(code: string) {
  return (error: unknown) => {
    assert.ok(error instanceof CriError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export async function* bytesOf(content: string): ByteSource {
  yield new TextEncoder().encode(content);
}

export function collector(): ByteSink & { text(): string } {
  let content = "";
  return {
    text: () => content,
    write: async (chunk) => {
      content += text(chunk);
    },
    close: async () => {},
  };
}
