import { parentPort, workerData } from "node:worker_threads";
import { simulateInformers } from "./informer-simulation.ts";

/** Runs a share of the seeds, and posts the first that fails with its error, or nothing. */
const { first, step, end }: { readonly first: number; readonly step: number; readonly end: number } =
  workerData;

let failure: { readonly seed: number; readonly error: unknown } | undefined;
for (let seed = first; seed < end && failure === undefined; seed += step)
  await simulateInformers(seed).catch((error: unknown) => {
    failure = { seed, error };
  });
parentPort?.postMessage(failure);
