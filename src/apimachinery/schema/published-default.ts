import type { Field } from "./tables.ts";

/**
 * What the published schema says a field is when it is absent: its declared default, else the zero value that Go reads
 * and writes. Undefined: absence means something of its own.
 */
export function publishedDefault({ shape, pointer, omitEmpty, defaultValue }: Field): unknown {
  if (defaultValue !== undefined) return defaultValue;
  if (pointer) return undefined;
  if (shape.kind === "model") return {};
  if (omitEmpty) return undefined;
  switch (shape.kind) {
    case "string":
      return "";
    case "bool":
      return false;
    case "int32":
    case "int64":
    case "double":
      return 0;
    default:
      return undefined;
  }
}
