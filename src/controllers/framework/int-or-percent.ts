/**
 * A count that may be given as a percentage of `total` ("25%"). What is neither a number nor a percentage counts as 0:
 * validation does not let it in.
 */
export function resolveCount(
  value: number | string | undefined,
  total: number,
  round: "up" | "down",
): number {
  if (value === undefined) return 0;
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value);
  if (percent === null) return 0;
  const exact = (Number(percent[1]) * total) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}
