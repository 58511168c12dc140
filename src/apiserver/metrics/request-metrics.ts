import type { RequestInfo } from "../request-info.ts";

/** Upper bounds in seconds, as `apiserver_request_duration_seconds` has them. */
export const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
] as const;

export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: string;
}

export interface RequestSeries {
  readonly labels: RequestLabels;
  readonly countByCode: Map<number, number>;
  readonly buckets: number[];
  sumSeconds: number;
  count: number;
}

/** Beyond this many kinds of requests the rest is counted as one: hostile paths must not fill memory. */
const seriesLimit = 2000;

/** Counts of requests, kept as plain numbers: what a scrape shows is made from them only then. */
export class RequestMetrics {
  readonly series = new Map<string, RequestSeries>();
  inflightMutating = 0;
  inflightReadOnly = 0;

  /** Call at the start; the function it returns, once, with the answer's status. */
  begin(info: RequestInfo, startMs: number): (code: number, endMs: number) => void {
    const readOnly = info.verb === "get" || info.verb === "list";
    if (readOnly) this.inflightReadOnly++;
    else this.inflightMutating++;
    return (code, endMs) => {
      if (readOnly) this.inflightReadOnly--;
      else this.inflightMutating--;
      this.#observe(info, code, (endMs - startMs) / 1000);
    };
  }

  #observe(info: RequestInfo, code: number, seconds: number): void {
    const series = this.#seriesOf(info);
    series.countByCode.set(code, (series.countByCode.get(code) ?? 0) + 1);
    series.count++;
    series.sumSeconds += seconds;
    let bucket = 0;
    while (bucket < durationBuckets.length && seconds > (durationBuckets[bucket] ?? 0)) bucket++;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  #seriesOf(info: RequestInfo): RequestSeries {
    const known = info.isResourceRequest && (this.series.size < seriesLimit || this.series.has(keyOf(info)));
    const key = known ? keyOf(info) : info.verb;
    let series = this.series.get(key);
    if (series === undefined) {
      series = {
        labels: labelsOf(info, known),
        countByCode: new Map(),
        buckets: new Array<number>(durationBuckets.length + 1).fill(0),
        sumSeconds: 0,
        count: 0,
      };
      this.series.set(key, series);
    }
    return series;
  }
}

function keyOf(info: RequestInfo): string {
  return `${info.verb} ${info.apiGroup}/${info.apiVersion}/${info.resource}/${info.subresource} ${scopeOf(info)}`;
}

function labelsOf(info: RequestInfo, known: boolean): RequestLabels {
  const verb = verbLabels[info.verb] ?? info.verb.toUpperCase();
  if (!known) return { verb, group: "", version: "", resource: "", subresource: "", scope: "" };
  const { apiGroup: group, apiVersion: version, resource, subresource } = info;
  return { verb, group, version, resource, subresource, scope: scopeOf(info) };
}

const verbLabels: Readonly<Record<string, string>> = {
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
};

function scopeOf(info: RequestInfo): string {
  if (info.name !== "") return "resource";
  return info.namespace === "" ? "cluster" : "namespace";
}
