import type { Buckets, MetricFamily } from "../../base/metrics/family.ts";

/** The delimited protobuf format of Prometheus (io.prometheus.client.MetricFamily): what a Prometheus server asks for first. */

export const protobufContentType =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

const typeNumbers = { counter: 0, gauge: 1, histogram: 4 } as const;
/** The field of a Metric that holds its value. */
const valueFields = { counter: 3, gauge: 2 } as const;

export function protobufOf(families: readonly MetricFamily[]): Uint8Array {
  const all = new Writer();
  for (const family of families) if (family.points.length > 0) all.message(undefined, familyOf(family));
  return all.bytes();
}

function familyOf(family: MetricFamily): Writer {
  const writer = new Writer();
  writer.text(1, family.name);
  writer.text(2, family.help);
  writer.varint(3, typeNumbers[family.type]);
  for (const { labels, value } of family.points) {
    const metric = new Writer();
    for (const [index, name] of family.labelNames.entries()) {
      const pair = new Writer();
      pair.text(1, name);
      pair.text(2, labels[index] ?? "");
      metric.message(1, pair);
    }
    if (typeof value !== "number") metric.message(7, histogramOf(value));
    else if (family.type !== "histogram") {
      const number = new Writer();
      number.double(1, value);
      metric.message(valueFields[family.type], number);
    }
    writer.message(4, metric);
  }
  return writer;
}

function histogramOf({ bounds, counts, sum, count }: Buckets): Writer {
  const writer = new Writer();
  writer.varint(1, count);
  writer.double(2, sum);
  let cumulative = 0;
  for (const [index, bound] of bounds.entries()) {
    cumulative += counts[index] ?? 0;
    const bucket = new Writer();
    bucket.varint(1, cumulative);
    bucket.double(2, bound);
    writer.message(3, bucket);
  }
  return writer;
}

const encoder = new TextEncoder();

class Writer {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  varint(field: number, value: number): void {
    this.#number(field * 8);
    this.#number(value);
  }

  double(field: number, value: number): void {
    this.#number(field * 8 + 1);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.#add(bytes);
  }

  text(field: number, value: string): void {
    this.#delimited(field, encoder.encode(value));
  }

  /** Without a field: only its length goes before it. */
  message(field: number | undefined, message: Writer): void {
    this.#delimited(field, message.bytes());
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let position = 0;
    for (const part of this.#parts) {
      whole.set(part, position);
      position += part.length;
    }
    return whole;
  }

  #delimited(field: number | undefined, bytes: Uint8Array): void {
    if (field !== undefined) this.#number(field * 8 + 2);
    this.#number(bytes.length);
    this.#add(bytes);
  }

  #number(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
    this.#add(Uint8Array.from(bytes));
  }

  #add(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
}
