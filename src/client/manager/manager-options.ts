import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { checkNames, type OptionNames } from "../../base/option-names.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../client.ts";
import type { InformerFactory } from "../informer.ts";
import type { LeaderElectionOptions } from "../leader-election.ts";
import type { RestClient } from "../rest-client.ts";
import type { ManagerMetrics } from "./metrics.ts";

/** The lease that replicas of one program compete for. */
export interface ManagerElection
  extends Pick<LeaderElectionOptions, "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs"> {
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process; the host's name and a random part unless said. */
  readonly identity?: string;
}

/** What a manager's parts share. Only the client is needed. */
export interface ManagerOptions {
  readonly client: Client & Partial<Pick<RestClient, "observe">>;
  /** The system's unless said; a test passes virtual ones. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Silent unless said: `consoleLogger()`, or any pino logger. */
  readonly logger?: Logger;
  /** Absent: this process leads. */
  readonly leaderElection?: ManagerElection;
  /** Caches and watches this namespace alone; absent: all. */
  readonly namespace?: string;
  /** Serves /healthz, /readyz and /metrics; absent: nothing is served. Port 0 takes a free one. */
  readonly http?: { readonly port: number; readonly host?: string };
  /** Where metrics go; with `http`, `prometheusMetrics()` unless said. */
  readonly metrics?: ManagerMetrics;
  /** How long what runs may take to end once the manager stops; 30,000 ms unless said. */
  readonly gracefulStopMs?: number;
  /** How long the first lists may take before `run` gives up; 120,000 ms unless said. */
  readonly cacheSyncMs?: number;
  /** The caches to share with others; the manager's own unless said. */
  readonly informers?: InformerFactory;
}

const names: OptionNames<ManagerOptions> = {
  client: true,
  clock: true,
  random: true,
  logger: true,
  leaderElection: true,
  namespace: true,
  http: true,
  metrics: true,
  gracefulStopMs: true,
  cacheSyncMs: true,
  informers: true,
};

const electionNames: OptionNames<ManagerElection> = {
  namespace: true,
  name: true,
  identity: true,
  leaseDurationMs: true,
  renewDeadlineMs: true,
  retryPeriodMs: true,
};

/** Throws a TypeError where an option cannot be meant. */
export function checkManagerOptions(options: ManagerOptions): void {
  checkNames("createManager", options, names);
  if (options.client === undefined) throw new TypeError("createManager: it needs a client");
  const { leaderElection, http } = options;
  if (http !== undefined) checkNames("createManager: http", http, { port: true, host: true });
  if (leaderElection === undefined) return;
  checkNames("createManager: leaderElection", leaderElection, electionNames);
  // Not a default: replicas that look for one lease in different namespaces would all lead.
  if (!leaderElection.namespace || !leaderElection.name)
    throw new TypeError("createManager: leaderElection needs the namespace and the name of a lease");
}
