/**
 * Whether two JSON values say the same to an API server: members that are undefined, null, or empty collections count as
 * absent, since omitempty drops them on the way (upstream's `equality.Semantic.DeepEqual` treats nil and empty alike).
 */
export function semanticallyEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isAbsent(left) || isAbsent(right)) return isAbsent(left) && isAbsent(right);
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => semanticallyEqual(item, right[index]))
    );
  }
  const leftRecord = left as Record<string, unknown>; // Both are plain JSON objects here.
  const rightRecord = right as Record<string, unknown>;
  for (const name of Object.keys(leftRecord)) {
    if (!semanticallyEqual(leftRecord[name], rightRecord[name])) return false;
  }
  for (const name of Object.keys(rightRecord)) {
    if (!Object.hasOwn(leftRecord, name) && !isAbsent(rightRecord[name])) return false;
  }
  return true;
}

function isAbsent(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return false;
}
