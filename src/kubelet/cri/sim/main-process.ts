import type { Clock } from "../../../base/clock.ts";
import { ByteQueue } from "../../../client/streaming/byte-queue.ts";
import type { ByteSink, ProcessStreams, TerminalSize } from "../../../client/streaming/byte-stream.ts";
import type { ContainerConfig } from "../config.ts";
import type { SimProcess } from "./sim-process.ts";

type Program = (process: SimProcess) => Promise<number> | number;

/** Its unread input, before those who type it wait. */
const inputBufferBytes = 64 * 1024;

/**
 * A container's own program that a test gave: what it writes goes to the log, line by line, and to whoever is attached; what they
 * type it reads.
 */
export class MainProcess {
  readonly #options: MainProcessOptions;
  readonly #stop = new AbortController();
  readonly #attached = new Set<ProcessStreams>();
  readonly #input = new ByteQueue({ limitBytes: inputBufferBytes });
  readonly #sizes = new Sizes();

  constructor(options: MainProcessOptions) {
    this.#options = options;
    if (options.config.stdin !== true) this.#input.end();
  }

  /** Resolves with its exit code: 1 where it throws, which its log tells, as that of a crash does. */
  async run(program: Program): Promise<number> {
    const { config, clock, log } = this.#options;
    const { command = [], args = [], tty = false } = config;
    const lines = {
      stdout: new Lines((text) => log("stdout", text)),
      stderr: new Lines((text) => log("stderr", text)),
    };
    const output = (name: "stdout" | "stderr") => async (text: string | Uint8Array) => {
      lines[name].write(text);
      const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
      await Promise.all([...this.#attached].map((streams) => this.#show(streams, name, bytes)));
    };
    try {
      return await program({
        command: [...command, ...args],
        tty,
        clock,
        stdin: this.#input,
        stdout: output("stdout"),
        stderr: output(tty ? "stdout" : "stderr"),
        sizes: this.#sizes,
        signal: this.#stop.signal,
      });
    } catch (error) {
      if (this.#stop.signal.aborted) return terminated;
      await output("stderr")(`${error instanceof Error ? error.stack : String(error)}\n`);
      return 1;
    } finally {
      lines.stdout.end();
      lines.stderr.end();
      this.#input.discard();
      this.#sizes.end();
    }
  }

  /** Told to stop. */
  stop(): void {
    this.#stop.abort();
  }

  /** From here on the output is shown there as well, and what comes from there is read, until the program has `ended`. */
  async attach(streams: ProcessStreams, { stdinOnce, ended }: AttachOptions): Promise<void> {
    this.#attached.add(streams);
    this.#read(streams, stdinOnce).catch(() => {}); // who typed is gone
    this.#sizes.follow(streams.resize).catch(() => {}); // as its terminal is
    try {
      await ended;
    } finally {
      this.#attached.delete(streams);
      await Promise.all([streams.stdout?.close(), streams.stderr?.close()]);
    }
  }

  async #read({ stdin }: ProcessStreams, stdinOnce: boolean): Promise<void> {
    if (stdin === undefined) return;
    for await (const chunk of stdin) {
      this.#input.push(chunk);
      if (this.#input.full) await this.#input.drained();
    }
    if (stdinOnce) this.#input.end();
  }

  async #show(streams: ProcessStreams, name: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
    const sink: ByteSink | undefined = streams[name];
    // One who left does not end the program.
    await sink?.write(bytes).catch(() => this.#attached.delete(streams));
  }
}

interface MainProcessOptions {
  readonly config: ContainerConfig;
  readonly clock: Clock;
  /** Takes whole lines. */
  readonly log: (stream: "stdout" | "stderr", text: string) => void;
}

interface AttachOptions {
  /** The input ends with the first who is attached. */
  readonly stdinOnce: boolean;
  readonly ended: Promise<void>;
}

const terminated = 143;

/** Cuts what is written into lines. */
class Lines {
  readonly #take: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(take: (text: string) => void) {
    this.#take = take;
  }

  write(text: string | Uint8Array): void {
    this.#rest += typeof text === "string" ? text : this.#decoder.decode(text, { stream: true });
    const end = this.#rest.lastIndexOf("\n") + 1;
    if (end > 0) this.#take(this.#rest.slice(0, end));
    this.#rest = this.#rest.slice(end);
  }

  end(): void {
    if (this.#rest !== "") this.#take(this.#rest);
  }
}

/** The terminal's sizes, of whoever is attached: the newest one counts. */
class Sizes implements AsyncIterable<TerminalSize> {
  #newest: TerminalSize | undefined;
  #ended = false;
  #wake = () => {};

  async follow(sizes: AsyncIterable<TerminalSize> | undefined): Promise<void> {
    for await (const size of sizes ?? []) {
      this.#newest = size;
      this.#wake();
    }
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TerminalSize> {
    for (;;) {
      const size = this.#newest;
      this.#newest = undefined;
      if (size !== undefined) yield size;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
