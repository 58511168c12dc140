import { type Clock, sleep } from "../../../base/clock.ts";
import type { ByteSink, ProcessExit, ProcessStreams } from "../../../client/streaming/byte-stream.ts";
import { runProgram } from "./program.ts";
import type { SimContainer } from "./sim-container.ts";
import { processOn } from "./sim-process.ts";

interface Execution {
  readonly command: readonly string[];
  readonly streams: ProcessStreams;
  readonly tty?: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** Runs a command in a container: as its behaviour declares, else as the simulator's few programs do. */
export async function execIn(container: SimContainer, execution: Execution): Promise<ProcessExit> {
  const { streams, clock, signal } = execution;
  const process = processOn(streams, execution);
  const declared = await container.behavior.exec?.(execution.command, process);
  const outcome = declared ?? outcomeOf(container, execution.command, clock.now());
  const { exitCode, stdout = "", stderr = "", delayMs = 0 } = outcome;
  if (delayMs > 0) await sleep(clock, delayMs, signal === undefined ? {} : { signal });
  await process.stdout(stdout);
  await process.stderr(stderr);
  if ("readsStdin" in outcome && outcome.readsStdin)
    for await (const chunk of process.stdin) await process.stdout(chunk);
  await streams.stdout?.close();
  await streams.stderr?.close();
  return { exitCode };
}

function outcomeOf(container: SimContainer, command: readonly string[], nowMs: number) {
  const run = runProgram(command);
  const known = run.durationMs !== undefined;
  return {
    // A check of its own that the container brings along tells whether it answers.
    exitCode: known ? run.exitCode : container.answers(nowMs) ? 0 : 1,
    stdout: run.stdout,
    stderr: run.stderr,
    delayMs: run.durationMs ?? 0,
    readsStdin: run.readsStdin,
  };
}

/** The same, with its output collected; undefined: it took longer than it may. */
export async function execCollecting(
  container: SimContainer,
  { timeoutMs, ...execution }: Omit<Execution, "streams"> & { readonly timeoutMs: number },
): Promise<(ProcessExit & { readonly stdout: Uint8Array; readonly stderr: Uint8Array }) | undefined> {
  const { clock, signal } = execution;
  const [stdout, stderr] = [collect(), collect()];
  const expiry = new AbortController();
  const giveUp = () => expiry.abort(signal?.reason);
  signal?.addEventListener("abort", giveUp, { once: true });
  const timer = timeoutMs > 0 ? clock.setTimer(timeoutMs, () => expiry.abort(tooLate)) : undefined;
  const running = execIn(container, { ...execution, streams: { stdout, stderr }, signal: expiry.signal });
  try {
    const { exitCode } = await Promise.race([running, aborted(expiry.signal)]);
    return { exitCode, stdout: stdout.bytes(), stderr: stderr.bytes() };
  } catch (error) {
    running.catch(() => {}); // nobody waits for it any more
    if (expiry.signal.reason === tooLate) return undefined;
    throw error;
  } finally {
    timer?.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

const tooLate = new Error("the command took longer than it may");

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What is kept of one output at most. */
const collectedBytes = 16 * 1024 * 1024;

function collect(): ByteSink & { bytes(): Uint8Array } {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return {
    async write(chunk) {
      size += chunk.length;
      if (size <= collectedBytes) chunks.push(chunk);
    },
    async close() {},
    bytes() {
      const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
      let offset = 0;
      for (const chunk of chunks) {
        all.set(chunk, offset);
        offset += chunk.length;
      }
      return all;
    },
  };
}

/** A program of a test's own shows what it writes; one that reads its input gives it back; the others say nothing until they end. */
export async function attachTo(container: SimContainer, streams: ProcessStreams): Promise<void> {
  if (container.main !== undefined) {
    const stdinOnce = container.config.stdinOnce ?? false;
    return container.main.attach(streams, { stdinOnce, ended: container.ended() });
  }
  const echo = async () => {
    for await (const chunk of streams.stdin ?? []) await streams.stdout?.write(chunk);
  };
  await (container.program.readsStdin ? Promise.race([echo(), container.ended()]) : container.ended());
  await streams.stdout?.close();
  await streams.stderr?.close();
}
