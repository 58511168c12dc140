import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from "./types.generated.ts";

const unknown = "<unknown>";

/** `cpu: 12%/80%, 500m/1 (avg) + 1 more...`: each metric's value and what it should be. */
export function showMetrics(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return "<none>";
  const texts = specs.map((spec, index) => showMetric(spec, statuses[index]));
  const shown = texts.slice(0, 2).join(", ");
  return texts.length > 2 ? `${shown} + ${texts.length - 2} more...` : shown;
}

function showMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case "External":
      return showValue(spec.external?.target, status?.external?.current);
    case "Object":
      return showValue(spec.object?.target, status?.object?.current);
    case "Pods":
      return `${status?.pods?.current.averageValue ?? unknown}/${spec.pods?.target.averageValue ?? unknown}`;
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
  return `${current?.value ?? unknown}/${target?.value ?? unknown}`;
}

function showUtilization(
  name: string | undefined,
  target: MetricTarget | undefined,
  current: MetricValueStatus | undefined,
): string {
  const { averageValue, averageUtilization } = target ?? {};
  if (averageValue !== undefined) return `${name}: ${current?.averageValue ?? unknown}/${averageValue}`;
  const percent = (value: number | undefined, none: string) => (value === undefined ? none : `${value}%`);
  return `${name}: ${percent(current?.averageUtilization, unknown)}/${percent(averageUtilization, "<auto>")}`;
}
