import type { ApiRequest } from "../client/exchange.ts";
import type { Storage } from "../storage/storage.ts";
import type { NonResourceHandler } from "./non-resource.ts";
import { textResponse } from "./non-resource.ts";
import { withoutOuterSlashes } from "./request-info.ts";

/** One thing that must be right: throws with the reason where it is not. */
export interface HealthCheck {
  readonly name: string;
  check(): Promise<void> | void;
}

export interface HealthChecks {
  readonly livez: readonly HealthCheck[];
  readonly readyz: readonly HealthCheck[];
}

/** Serves /healthz, /livez, /readyz: `?verbose`, `?exclude=name`, and a path for each check. */
export function healthHandler(checks: HealthChecks): NonResourceHandler {
  const byEndpoint = new Map<string, readonly HealthCheck[]>([
    ["healthz", checks.livez],
    ["livez", checks.livez],
    ["readyz", checks.readyz],
  ]);
  return {
    paths: [...byEndpoint].flatMap(([endpoint, members]) => [
      `/${endpoint}`,
      ...members.map(({ name }) => `/${endpoint}/${name}`),
    ]),
    handle(request) {
      const path = withoutOuterSlashes(request.path);
      const slash = path.indexOf("/");
      const endpoint = slash < 0 ? path : path.slice(0, slash);
      const members = byEndpoint.get(endpoint);
      if (members === undefined) return undefined;
      if (slash < 0) return runAll(request, endpoint, members);
      const single = members.find(({ name }) => name === path.slice(slash + 1));
      return single === undefined ? undefined : runOne(single);
    },
  };
}

async function runOne(check: HealthCheck) {
  const { error } = await run(check);
  return error === undefined
    ? textResponse(200, "ok")
    : textResponse(500, `internal server error: ${error}\n`);
}

async function runAll(request: ApiRequest, endpoint: string, members: readonly HealthCheck[]) {
  const excluded = new Set(request.query.getAll("exclude"));
  const lines: string[] = [];
  const failed: string[] = [];
  for (const check of members) {
    if (excluded.delete(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    const { error } = await run(check);
    // The reason may tell too much: it is in the log.
    lines.push(error === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`);
    if (error !== undefined) failed.push(check.name);
  }
  if (excluded.size > 0)
    lines.push(
      `warn: some health checks cannot be excluded: no matches for ${[...excluded].map((name) => JSON.stringify(name)).join(", ")}`,
    );
  const report = `${lines.join("\n")}\n`;
  if (failed.length > 0) return textResponse(500, `${report}${endpoint} check failed\n`);
  if (!request.query.has("verbose")) return textResponse(200, "ok");
  return textResponse(200, `${report}${endpoint} check passed\n`);
}

async function run(check: HealthCheck): Promise<{ error?: string }> {
  try {
    await check.check();
    return {};
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** That the server answers at all. */
export const pingCheck: HealthCheck = { name: "ping", check() {} };

/** That storage answers; under upstream's name, whatever the engine is. */
export function storageCheck(storage: Pick<Storage, "get">): HealthCheck {
  return {
    name: "etcd",
    async check() {
      await storage.get("/registry/health");
    },
  };
}
