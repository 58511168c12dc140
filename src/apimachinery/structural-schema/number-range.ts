/** Numbers as upstream's validator meets them: what JSON writes as a whole number is an int64, anything else a float64. */

const maxInt64 = 2 ** 63;

export const isInt64 = (value: number): boolean =>
  Number.isInteger(value) && value >= -maxInt64 && value < maxInt64;

const maxInt32 = 2 ** 31;
const maxFloat32 = 3.4028235677973366e38;

/** What a number cannot be, in upstream's words; `what` is checked: the value, or a bound of its schema. */
export function rangeFault(
  value: number,
  type: string | undefined,
  format: string | undefined,
  what: string,
  path: string,
): string | undefined {
  if (type === "integer") {
    const known = format === "int32" || format === "int64" ? format : undefined;
    const fits =
      known === "int32" ? Number.isInteger(value) && value >= -maxInt32 && value < maxInt32 : isInt64(value);
    const shown = known === undefined ? "(default format)" : `with format ${known}`;
    return fits ? undefined : `${what} value must be of type integer ${shown} in ${path}`;
  }
  if (type !== "number" || format !== "float" || Math.abs(value) < maxFloat32) return undefined;
  return `${what} value must be of type number with format float in ${path}`;
}
