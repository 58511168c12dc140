/** The value below which this fraction of the values lies. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** What the server's own process saw between two moments. */
export interface ServerFigures {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Of the event loop, its resolution of 10 ms included. */
  readonly loopDelayP50Ms: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly rssStartMb: number;
  readonly rssPeakMb: number;
  readonly heapUsedMb: number;
}

export type ServerQuestion = "begin" | "end" | "memory";
