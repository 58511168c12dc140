import type { ApiRequest } from "../client/exchange.ts";
import type { Storage } from "../storage/storage.ts";
import type { NonResourceHandler } from "./non-resource.ts";
import { plainPage, textResponse } from "./non-resource.ts";

/** One thing that must be right: throws with the reason where it is not. */
export interface HealthCheck {
  readonly name: string;
  check(): Promise<void> | void;
}

export interface HealthChecks {
  readonly healthz: readonly HealthCheck[];
  readonly livez: readonly HealthCheck[];
  readonly readyz: readonly HealthCheck[];
  /** Hears how each check came out. */
  readonly observe?: (name: string, endpoint: string, isOk: boolean) => void;
}

/** Serves /healthz, /livez, /readyz: `?verbose`, `?exclude=name`, and a path for each check. */
export function healthHandler(checks: HealthChecks): NonResourceHandler {
  const { observe = () => {} } = checks;
  const byEndpoint = new Map<string, readonly HealthCheck[]>([
    ["healthz", checks.healthz],
    ["livez", checks.livez],
    ["readyz", checks.readyz],
  ]);
  return {
    paths: [...byEndpoint].flatMap(([endpoint, members]) => [
      `/${endpoint}`,
      ...members.map(({ name }) => `/${endpoint}/${name}`),
    ]),
    handle(request) {
      if (!request.path.startsWith("/")) return undefined;
      const path = request.path.slice(1);
      const slash = path.indexOf("/");
      const endpoint = slash < 0 ? path : path.slice(0, slash);
      const members = byEndpoint.get(endpoint);
      if (members === undefined) return undefined;
      const observed = members.map((check) => observing(check, endpoint, observe));
      if (slash < 0) return runAll(request, endpoint, observed);
      const single = observed.find(({ name }) => name === path.slice(slash + 1));
      return single === undefined ? undefined : runOne(single);
    },
  };
}

function observing(
  { name, check }: HealthCheck,
  endpoint: string,
  observe: NonNullable<HealthChecks["observe"]>,
): HealthCheck {
  return {
    name,
    async check() {
      let isOk = false;
      try {
        await check();
        isOk = true;
      } finally {
        observe(name, endpoint, isOk);
      }
    },
  };
}

async function runOne(check: HealthCheck) {
  const { error } = await run(check);
  return error === undefined ? textResponse(200, "ok") : plainPage(500, `internal server error: ${error}\n`);
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
      `warn: some health checks cannot be excluded: no matches for ${[...excluded]
        .toSorted()
        .map((name) => JSON.stringify(name))
        .join(",")}`,
    );
  const report = `${lines.join("\n")}\n`;
  if (failed.length > 0) return plainPage(500, `${report}${endpoint} check failed\n`);
  if (!request.query.has("verbose")) return plainPage(200, "ok");
  return plainPage(200, `${report}${endpoint} check passed\n`);
}

async function run(check: HealthCheck): Promise<{ error?: string }> {
  try {
    await check.check();
    return {};
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** A server's checks in upstream's order: a server that is starting or stopping lives, and is not ready. */
export function serverChecks(
  storage: Pick<Storage, "get">,
  checks: {
    readonly startup: readonly HealthCheck[];
    /** Whether a server that has not started yet is taken for one that will. */
    readonly isInGrace: () => boolean;
    /** What storage needs: a server without it lives. */
    readonly storage: readonly HealthCheck[];
    readonly ready: readonly HealthCheck[];
    readonly last: readonly HealthCheck[];
  },
): Pick<HealthChecks, "healthz" | "livez" | "readyz"> {
  const etcd = storageCheck("etcd", storage);
  const alive = [pingCheck, logCheck, loopbackCheck, etcd];
  const ready = [pingCheck, logCheck, etcd, storageCheck("etcd-readiness", storage)];
  return {
    healthz: [...alive, ...checks.storage, ...checks.startup],
    livez: [...alive, ...checks.startup.map((check) => forgiving(check, checks.isInGrace))],
    readyz: [...ready, ...checks.storage, ...checks.ready, ...checks.startup, ...checks.last],
  };
}

function forgiving({ name, check }: HealthCheck, isInGrace: () => boolean): HealthCheck {
  return { name, check: () => (isInGrace() ? undefined : check()) };
}

/** That the server answers at all. */
const pingCheck: HealthCheck = { name: "ping", check() {} };

/** That the log takes what is written: here nobody waits for it. */
const logCheck: HealthCheck = { name: "log", check() {} };

/** That the server can ask itself: it does so without a connection, and needs no certificate for it. */
const loopbackCheck: HealthCheck = { name: "loopback-serving-certificate", check() {} };

/** That storage answers; under upstream's names, whatever the engine is. */
export function storageCheck(name: string, storage: Pick<Storage, "get">): HealthCheck {
  return {
    name,
    async check() {
      await storage.get("/registry/health");
    },
  };
}
