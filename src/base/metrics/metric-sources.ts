import type { MetricFamily, MetricSource } from "./family.ts";

/** Sources that come to be after the first scrape may. */
export class MetricSources implements MetricSource {
  readonly #sources: MetricSource[] = [];

  add(source: MetricSource): void {
    this.#sources.push(source);
  }

  async families(): Promise<readonly MetricFamily[]> {
    return (await Promise.all(this.#sources.map((source) => source.families()))).flat();
  }
}
