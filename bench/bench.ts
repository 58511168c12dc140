/** What a benchmark reports: the figures stand beside these fields, each named by what it is and its unit. */
export interface BenchResult {
  readonly name: string;
  /** What the figures are measured in, by their suffix. */
  readonly units: Readonly<Record<string, string>>;
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly [figure: string]: unknown;
}

export interface Bench {
  run(args: readonly string[]): Promise<BenchResult>;
}
