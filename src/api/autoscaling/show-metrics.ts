import { firstFew } from "../columns.ts";
import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from "./types.generated.ts";

const unknown = "<unknown>";

/** A quantity of what a metric's controller said last: `<nil>` where it spoke, but not of this. */
const shown = (current: MetricValueStatus | undefined, value: "value" | "averageValue") =>
  current === undefined ? unknown : (current[value] ?? "<nil>");

/** `cpu: 12%/80%, 500m/1 (avg) + 1 more...`: each metric's value and what it should be. */
export function showMetrics(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return "<none>";
  const texts = specs.map((spec, index) => showMetric(spec, statuses[index]));
  return firstFew(texts, 2, ", ");
}

function showMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case "External":
      return showValue(spec.external?.target, status?.external?.current);
    case "Object":
      return showValue(spec.object?.target, status?.object?.current);
    case "Pods":
      return `${shown(status?.pods?.current, "averageValue")}/${spec.pods?.target.averageValue ?? "<nil>"}`;
    case "Resource":
      return showUtilization(spec.resource?.name, spec.resource?.target, status?.resource?.current);
    case "ContainerResource": {
      const { name, target } = spec.containerResource ?? {};
      return showUtilization(name, target, status?.containerResource?.current);
    }
    default:
      return "<unknown type>";
  }
}

function showValue(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined)
    return `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
  return `${shown(current, "value")}/${target?.value ?? "<nil>"}`;
}

function showUtilization(
  name: string | undefined,
  target: MetricTarget | undefined,
  current: MetricValueStatus | undefined,
): string {
  const { averageValue, averageUtilization } = target ?? {};
  if (averageValue !== undefined) return `${name}: ${shown(current, "averageValue")}/${averageValue}`;
  const percent = (value: number | undefined, none: string) => (value === undefined ? none : `${value}%`);
  return `${name}: ${percent(current?.averageUtilization, unknown)}/${percent(averageUtilization, "<auto>")}`;
}
