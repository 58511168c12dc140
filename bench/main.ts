/** `npm run -s bench -- NAME`: runs `bench/NAME.ts`, whose last line of output is one JSON object. */
import { readdir } from "node:fs/promises";

export interface BenchResult {
  readonly name: string;
  /** What the figures are measured in, a word a figure's suffix. */
  readonly units: Readonly<Record<string, string>>;
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly [figure: string]: unknown;
}

const [name, ...rest] = process.argv.slice(2);
const names = (await readdir(import.meta.dirname))
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.slice(0, -".ts".length));

if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run -s bench -- NAME; NAME is one of ${names.join(", ")}`);
  process.exitCode = 1;
} else {
  const module = (await import(`./${name}.ts`)) as { run(args: readonly string[]): Promise<BenchResult> };
  console.log(JSON.stringify(await module.run(rest)));
}
