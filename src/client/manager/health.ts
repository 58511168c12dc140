/** Rejects, or throws, while what it looks at is not well. */
export type HealthCheck = () => void | Promise<void>;

/** The answer of /healthz or /readyz (upstream's healthz package). */
export interface HealthReport {
  readonly status: 200 | 500 | 404;
  readonly text: string;
  /** Which checks failed, and why: for the log, not for whoever asks. */
  readonly failures: readonly { readonly name: string; readonly error: unknown }[];
}

/**
 * Runs the checks of "healthz" or "readyz": all but those excluded, or the one that is named ("/healthz/ping"). Whoever
 * asks is told which failed, never why.
 */
export async function healthReport(
  endpoint: string,
  checks: ReadonlyMap<string, HealthCheck>,
  options: { readonly only?: string; readonly verbose?: boolean; readonly exclude?: readonly string[] } = {},
): Promise<HealthReport> {
  const { only, verbose = false, exclude = [] } = options;
  if (only !== undefined && !checks.has(only))
    return { status: 404, text: "404 page not found\n", failures: [] };
  const failures: { name: string; error: unknown }[] = [];
  const lines: string[] = [];
  for (const [name, check] of checks) {
    if (only !== undefined && only !== name) continue;
    if (exclude.includes(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    try {
      await check();
      lines.push(`[+]${name} ok`);
    } catch (error) {
      failures.push({ name, error });
      lines.push(`[-]${name} failed: reason withheld`);
    }
  }
  const verdict = `${endpoint} check ${failures.length === 0 ? "passed" : "failed"}`;
  if (failures.length > 0) return { status: 500, text: [...lines, verdict, ""].join("\n"), failures };
  return { status: 200, text: verbose ? [...lines, verdict, ""].join("\n") : "ok", failures };
}
