/** What Go's JSON decoder says of a value of the wrong shape: `into Go struct field PodSpec.spec.containers of type []v1.Container`. */
const decodingFault =
  /^json: cannot unmarshal (string|number|bool|object|array)( [\d.e+-]+)? into Go struct field \S+ of type (.+)$/;

/**
 * The fault of a value of the wrong shape as a strategic merge patch has it told: upstream converts what such a patch makes
 * to its struct without writing it as JSON in between. What is no such fault is given back as it is.
 */
export function conversionFault(reason: string): string {
  if (reason.startsWith("illegal base64 data")) return `error decoding from json: ${reason}`;
  const [, value = "", digits = "", wanted = ""] = decodingFault.exec(reason) ?? [];
  if (value === "") return reason;
  const kind = kindOf(value, digits);
  if (wanted.startsWith("map[")) return `cannot restore map from ${kind}`;
  if (wanted.startsWith("[]")) return `cannot restore slice from ${kind}`;
  if (wanted.includes(".")) return `cannot restore struct from: ${kind}`;
  // Go turns whole numbers into characters, and numbers into numbers.
  const isConvertible = wanted === "string" ? kind === "int64" : kind === "float64" && wanted !== "bool";
  return isConvertible ? `cannot convert ${kind} to ${wanted}` : `unrecognized type: ${wanted}`;
}

function kindOf(value: string, digits: string): string {
  switch (value) {
    case "number":
      return digits === "" ? "int64" : "float64";
    case "object":
      return "map";
    case "array":
      return "slice";
    default:
      return value;
  }
}
