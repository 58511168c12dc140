/** `npm run -s bench -- NAME`: runs one benchmark, whose last line of output is one JSON object. */

export interface BenchResult {
  readonly name: string;
  /** What the figures are measured in, by their suffix. */
  readonly units: Readonly<Record<string, string>>;
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly [figure: string]: unknown;
}

interface Bench {
  run(args: readonly string[]): Promise<BenchResult>;
}

/** One file a benchmark. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  storage: () => import("./storage.ts"),
};

const [name = "", ...rest] = process.argv.slice(2);
const bench = await benches[name]?.();
if (bench === undefined) {
  console.error(`usage: npm run -s bench -- NAME; NAME is one of ${Object.keys(benches).join(", ")}`);
  process.exitCode = 1;
} else {
  console.log(JSON.stringify(await bench.run(rest)));
}
