import type { Buckets, MetricFamily } from "./family.ts";

/** The text format of Prometheus, version 0.0.4. */

export const textContentType = "text/plain; version=0.0.4; charset=utf-8";

export function textOf(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const family of families) {
    if (family.points.length === 0) continue;
    lines.push(`# HELP ${family.name} ${escapedHelp(family.help)}`, `# TYPE ${family.name} ${family.type}`);
    if (family.type === "histogram")
      for (const { labels, value } of family.points) addBuckets(lines, family, labels, value);
    else
      for (const { labels, value, timestampMs } of family.points) {
        const series = `${family.name}${labelText(family.labelNames, labels)} ${numberText(value)}`;
        lines.push(timestampMs === undefined ? series : `${series} ${timestampMs}`);
      }
  }
  return `${lines.join("\n")}\n`;
}

function addBuckets(
  lines: string[],
  { name, labelNames }: MetricFamily,
  labels: readonly string[],
  { bounds, counts, sum, count }: Buckets,
): void {
  const names = [...labelNames, "le"];
  let cumulative = 0;
  for (const [index, bound] of bounds.entries()) {
    cumulative += counts[index] ?? 0;
    lines.push(`${name}_bucket${labelText(names, [...labels, numberText(bound)])} ${cumulative}`);
  }
  lines.push(`${name}_bucket${labelText(names, [...labels, "+Inf"])} ${count}`);
  lines.push(`${name}_sum${labelText(labelNames, labels)} ${numberText(sum)}`);
  lines.push(`${name}_count${labelText(labelNames, labels)} ${count}`);
}

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return "";
  return `{${names.map((name, index) => `${name}="${escapedLabel(values[index] ?? "")}"`).join(",")}}`;
}

/** As Go's strconv writes it: large and small numbers with an exponent of two digits at least. */
function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  const text = String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6 && magnitude < 1e21 && !text.includes("e")) return exponentOf(value.toExponential());
  return text.includes("e") ? exponentOf(text) : text;
}

function exponentOf(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function escapedHelp(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
}

const special = /[\\"\n]/;

function escapedLabel(text: string): string {
  return special.test(text) ? text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n") : text;
}
