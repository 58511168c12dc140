import { counter, gauge, type MetricFamily } from "../../base/metrics/family.ts";

/** process_* and nodejs_*: the library that knows how is loaded with the first scrape. */
export async function createProcessFamilies(): Promise<() => Promise<readonly MetricFamily[]>> {
  const { default: client } = await import("prom-client");
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  return async () => {
    const all = await registry.getMetricsAsJSON();
    return all.flatMap(({ name, help, type, values }) => {
      // The types say enum; what is there is its name or its number.
      const kind = String(type);
      if (kind !== "counter" && kind !== "gauge") return [];
      const labels = Object.keys(values[0]?.labels ?? {});
      const points = values.map(({ labels: given, value }) => ({
        labels: labels.map((label) => String((given as Readonly<Record<string, unknown>>)[label] ?? "")),
        value,
      }));
      return [(kind === "counter" ? counter : gauge)({ name, help, labels }, points)];
    });
  };
}
