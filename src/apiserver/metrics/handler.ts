import type { Logger } from "../../base/log.ts";
import type { NonResourceHandler } from "../non-resource.ts";
import { textResponse } from "../non-resource.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { durationBuckets } from "./request-metrics.ts";

export interface MetricsSources {
  readonly requests: RequestMetrics;
  /** How many objects of each resource are stored. */
  readonly storedObjects: () => Promise<readonly { readonly resource: string; readonly count: number }[]>;
  readonly version: string;
  readonly logger: Logger;
}

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** Serves /metrics. The library that writes the format is loaded with the first scrape. */
export function metricsHandler(sources: MetricsSources): NonResourceHandler {
  let registry: Promise<{ metrics(): Promise<string>; contentType: string }> | undefined;
  return {
    paths: ["/metrics"],
    async handle(request) {
      if (request.path !== "/metrics") return undefined;
      registry ??= createRegistry(sources);
      const { metrics, contentType } = await registry;
      return textResponse(200, await metrics(), contentType);
    },
  };
}

async function createRegistry(sources: MetricsSources) {
  const { default: client } = await import("prom-client");
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  const add = (
    name: string,
    help: string,
    type: "counter" | "gauge" | "histogram",
    read: () => Sample[] | Promise<Sample[]>,
  ) => {
    const metric = {
      name,
      help,
      get: async () => ({ name, help, type, values: await read(), aggregator: "sum" }),
      reset() {},
      labels: () => metric,
      remove() {},
    };
    // The library asks of a registered metric only its name and `get`; its own classes keep state of their own.
    registry.registerMetric(metric as unknown as Parameters<typeof registry.registerMetric>[0]);
  };
  const { requests } = sources;
  add("apiserver_request_total", "Answered requests by verb, resource and code.", "counter", () =>
    [...requests.series.values()].flatMap(({ labels, countByCode }) =>
      [...countByCode].map(([code, value]) => ({
        labels: { ...labels, code, component: "apiserver" },
        value,
      })),
    ),
  );
  add("apiserver_request_duration_seconds", "How long answers took, by verb and resource.", "histogram", () =>
    [...requests.series.values()].flatMap(({ labels, ...series }) => histogram(labels, series)),
  );
  add("apiserver_current_inflight_requests", "Requests being answered now.", "gauge", () => [
    { labels: { request_kind: "mutating" }, value: requests.inflightMutating },
    { labels: { request_kind: "readOnly" }, value: requests.inflightReadOnly },
  ]);
  for (const name of ["apiserver_storage_objects", "apiserver_resource_objects"])
    add(name, "Stored objects by resource.", "gauge", async () =>
      (await sources.storedObjects()).map(({ resource, count }) => ({ labels: { resource }, value: count })),
    );
  add("kubernetes_build_info", "The version that is served.", "gauge", () => [
    { labels: { git_version: sources.version }, value: 1 },
  ]);
  return { metrics: () => registry.metrics(), contentType: registry.contentType };
}

function histogram(
  labels: object,
  series: { readonly buckets: readonly number[]; readonly sumSeconds: number; readonly count: number },
): Sample[] {
  const name = "apiserver_request_duration_seconds";
  const common = { ...labels, component: "apiserver" };
  let cumulative = 0;
  const samples: Sample[] = durationBuckets.map((le, index) => {
    cumulative += series.buckets[index] ?? 0;
    return { labels: { ...common, le }, value: cumulative, metricName: `${name}_bucket` };
  });
  samples.push({ labels: { ...common, le: "+Inf" }, value: series.count, metricName: `${name}_bucket` });
  samples.push({ labels: common, value: series.sumSeconds, metricName: `${name}_sum` });
  samples.push({ labels: common, value: series.count, metricName: `${name}_count` });
  return samples;
}
