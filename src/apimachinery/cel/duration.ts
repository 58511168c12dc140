import { evaluate } from "@marcbachmann/cel-js";

/** A duration in Go's notation as CEL's value; undefined for what is none. */
export function goDuration(text: string): unknown {
  try {
    return evaluate("duration(text)", { text: text === "0" ? "0s" : text }) as unknown;
  } catch {
    return undefined;
  }
}
