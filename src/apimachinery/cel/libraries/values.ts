/** Equality and order of CEL's values, for functions over them. */
export function equalValues(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left === "bigint" && typeof right === "number") return Number(left) === right;
  if (typeof left === "number" && typeof right === "bigint") return left === Number(right);
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (left instanceof Map && right instanceof Map)
    return (
      left.size === right.size &&
      [...left].every(([key, value]) => right.has(key) && equalValues(value, right.get(key)))
    );
  if (Array.isArray(left) || Array.isArray(right))
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => equalValues(item, right[index]))
    );
  if (left.constructor !== right.constructor) return false;
  const primitive = left.valueOf();
  if (primitive !== left) return primitive === right.valueOf();
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => equalValues((left as Fields)[name], (right as Fields)[name]))
  );
}

type Fields = Readonly<Record<string, unknown>>;

/** Negative: left comes first. Numbers, strings, booleans, times, durations and bytes have an order. */
export function compareValues(left: unknown, right: unknown): number {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    for (let index = 0; index < Math.min(left.length, right.length); index++) {
      const difference = (left[index] ?? 0) - (right[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return left.length - right.length;
  }
  const a = primitiveOf(left);
  const b = primitiveOf(right);
  return a < b ? -1 : a > b ? 1 : 0;
}

function primitiveOf(value: unknown): number | bigint | string {
  const primitive = typeof value === "object" && value !== null ? value.valueOf() : value;
  return typeof primitive === "boolean" ? Number(primitive) : (primitive as number | bigint | string); // of an ordered type
}
