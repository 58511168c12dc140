const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "1h30m" or a number of milliseconds. Throws on anything else. */
export function milliseconds(duration: string | number): number {
  if (typeof duration === "number") {
    if (duration >= 0) return duration;
    throw new Error(`not a duration: ${duration} (time does not go back)`);
  }
  let total = 0;
  const rest = duration.replace(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g, (_, amount: string, unit: string) => {
    total += Number(amount) * (units[unit] ?? 0);
    return "";
  });
  if (rest !== "" || duration === "")
    throw new Error(`not a duration: "${duration}" (such as "10m", "1.5s", "1h30m")`);
  return total;
}
