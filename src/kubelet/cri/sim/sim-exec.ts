import { type Clock, sleep } from "../../../base/clock.ts";
import type { ProcessExit, ProcessStreams } from "../../../client/streaming/byte-stream.ts";
import { runProgram } from "./program.ts";
import type { SimContainer } from "./sim-container.ts";

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly delayMs: number;
  readonly readsStdin: boolean;
}

/** What a command does in a container: as its behaviour declares, else as the simulator's few programs do. */
export function outcomeOf(container: SimContainer, command: readonly string[], nowMs: number): Outcome {
  const declared = container.behavior.exec?.(command);
  if (declared !== undefined) return { stdout: "", stderr: "", delayMs: 0, ...declared, readsStdin: false };
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

export async function execIn(
  container: SimContainer,
  run: {
    readonly command: readonly string[];
    readonly streams: ProcessStreams;
    readonly clock: Clock;
    readonly signal?: AbortSignal;
  },
): Promise<ProcessExit> {
  const { streams, clock, signal } = run;
  const outcome = outcomeOf(container, run.command, clock.now());
  if (outcome.delayMs > 0) await sleep(clock, outcome.delayMs, signal === undefined ? {} : { signal });
  const text = new TextEncoder();
  if (outcome.stdout !== "") await streams.stdout?.write(text.encode(outcome.stdout));
  if (outcome.stderr !== "") await streams.stderr?.write(text.encode(outcome.stderr));
  if (outcome.readsStdin) for await (const chunk of streams.stdin ?? []) await streams.stdout?.write(chunk);
  await streams.stdout?.close();
  await streams.stderr?.close();
  return { exitCode: outcome.exitCode };
}

/** A program that reads its input gives it back; the others say nothing until they end. */
export async function attachTo(container: SimContainer, streams: ProcessStreams): Promise<void> {
  const echo = async () => {
    for await (const chunk of streams.stdin ?? []) await streams.stdout?.write(chunk);
  };
  await (container.program.readsStdin ? Promise.race([echo(), container.ended()]) : container.ended());
  await streams.stdout?.close();
  await streams.stderr?.close();
}
