import { once } from "node:events";
import { availableParallelism } from "node:os";
import test from "node:test";
import { Worker } from "node:worker_threads";
import { simulateInformers } from "./test-support/informer-simulation.ts";

const seeds = Number(process.env.SEEDS ?? 10_000);
const onlySeed = process.env.SEED;
const name = `informers converge and their handlers' replays agree, whatever happens (${onlySeed ?? seeds} seeds)`;
/** Half a minute of processor time: on a machine that is busy with other things, much more. */
const timeout = 20 * 60_000;

test(name, { timeout }, async () => {
  if (onlySeed !== undefined) return simulateInformers(Number(onlySeed));
  // On threads: all cores, and without the test runner's book-keeping of every promise, which costs as much as the work.
  const step = Math.min(4, availableParallelism());
  const results = await Promise.all(
    Array.from({ length: step }, async (_, first) => {
      const worker = new Worker(new URL("./test-support/informer-simulation-worker.ts", import.meta.url), {
        workerData: { first, step, end: seeds },
      });
      const [failure] = await once(worker, "message");
      return failure;
    }),
  );
  const failure = results.find((result) => result !== undefined);
  if (failure !== undefined)
    throw new Error(`seed ${failure.seed}: run again with SEED=${failure.seed}`, { cause: failure.error });
});
