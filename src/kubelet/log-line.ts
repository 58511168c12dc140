/** One line of a CRI log file: `<RFC 3339 nano> <stdout|stderr> <F|P> <text>`. */
export interface LogLine {
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** "P" lines are joined to the next of their stream: only the last one ends with a line break. */
  readonly isPartial: boolean;
  readonly text: Uint8Array;
}

const space = 0x20;

/** Undefined where the bytes are no CRI log line. `line` is without its line break. */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  const timeEnd = line.indexOf(space);
  const streamEnd = line.indexOf(space, timeEnd + 1);
  const tagEnd = line.indexOf(space, streamEnd + 1);
  if (timeEnd < 0 || streamEnd < 0 || tagEnd < 0) return undefined;
  const decoder = new TextDecoder();
  const stream = decoder.decode(line.subarray(timeEnd + 1, streamEnd));
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  return {
    time: decoder.decode(line.subarray(0, timeEnd)),
    stream,
    isPartial: line[streamEnd + 1] === 0x50,
    text: line.subarray(tagEnd + 1),
  };
}

/** PodLogOptions, as they come in a query. */
export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Only lines at or after this moment (epoch milliseconds). */
  readonly sinceMs?: number;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly stream: "All" | "Stdout" | "Stderr";
}

/** What a line adds to the output; empty when the options leave it out. */
export function renderLogLine(line: LogLine, options: LogOptions): Uint8Array {
  if (options.stream === "Stdout" && line.stream !== "stdout") return empty;
  if (options.stream === "Stderr" && line.stream !== "stderr") return empty;
  if (options.sinceMs !== undefined && Date.parse(line.time) < options.sinceMs) return empty;
  const prefix = options.timestamps ? new TextEncoder().encode(`${line.time} `) : empty;
  const rendered = new Uint8Array(prefix.length + line.text.length + (line.isPartial ? 0 : 1));
  rendered.set(prefix);
  rendered.set(line.text, prefix.length);
  if (!line.isPartial) rendered[rendered.length - 1] = 0x0a;
  return rendered;
}

const empty = new Uint8Array(0);

export class InvalidLogOptions extends Error {}

/** Reads the options from a query; throws InvalidLogOptions with upstream's words. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const number = (name: string, least: number): number | undefined => {
    const text = query.get(name);
    if (text === null || text === "") return undefined;
    const value = Number(text);
    if (!Number.isInteger(value))
      throw new InvalidLogOptions(`${name}: Invalid value: "${text}": must be an integer`);
    if (value < least) {
      throw new InvalidLogOptions(
        `${name}: Invalid value: ${value}: must be greater than ${least === 0 ? "or equal to 0" : "0"}`,
      );
    }
    return value;
  };
  const isTrue = (name: string) => ["true", "1"].includes(query.get(name) ?? "");
  const sinceSeconds = number("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime");
  const tailLines = number("tailLines", 0);
  const limitBytes = number("limitBytes", 1);
  const stream = query.get("stream") ?? "All";
  if (stream !== "All" && stream !== "Stdout" && stream !== "Stderr") {
    throw new InvalidLogOptions(
      `stream: Unsupported value: "${stream}": supported values: "All", "Stderr", "Stdout"`,
    );
  }
  const since =
    sinceSeconds !== undefined ? nowMs - sinceSeconds * 1000 : sinceTime ? Date.parse(sinceTime) : undefined;
  if (since !== undefined && Number.isNaN(since))
    throw new InvalidLogOptions(`sinceTime: Invalid value: "${sinceTime}"`);
  return {
    follow: isTrue("follow"),
    timestamps: isTrue("timestamps"),
    stream,
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}
