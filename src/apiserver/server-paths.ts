import type { Aggregator } from "./aggregation/aggregator.ts";
import { extensionOpenApi } from "./aggregation/extension-open-api.ts";
import type { ApiServerDependencies } from "./api-server.ts";
import { discoveryHandler } from "./discovery/handler.ts";
import type { FlowControl } from "./flow-control/flow-control.ts";
import { type HealthCheck, healthHandler, serverChecks } from "./health.ts";
import { metricsHandler } from "./metrics/handler.ts";
import { buildFamilies, objectFamilies, type ServerMetrics } from "./metrics/server-metrics.ts";
import { documentHandler, type NonResourceHandler } from "./non-resource.ts";
import { statusPages } from "./operation/status-pages.ts";
import type { Resources } from "./resources.ts";
import type { Stages } from "./stages.ts";
import type { Startup } from "./startup.ts";
import { indexHandler, programVersion, versionHandler } from "./version.ts";

export interface ServerParts {
  readonly dependencies: Pick<
    ApiServerDependencies,
    | "auditor"
    | "clock"
    | "flags"
    | "externalAddress"
    | "livezGraceMs"
    | "metricSources"
    | "nonResourceHandlers"
    | "protobuf"
    | "storage"
    | "storageChecks"
  >;
  readonly resources: Resources;
  readonly aggregator: Aggregator;
  readonly startup: Startup;
  readonly flow: FlowControl;
  readonly metrics: ServerMetrics;
  readonly stages: Pick<Stages, "documents" | "metrics" | "readyChecks">;
  readonly shutdownCheck: HealthCheck;
}

/** Everything the server answers that is no resource; the index of it comes last. */
export function serverPaths(parts: ServerParts): readonly NonResourceHandler[] {
  const { dependencies, resources, aggregator, startup, flow, metrics, stages } = parts;
  const now = () => dependencies.clock.now();
  const startedAtMs = now();
  const graceEndMs = startedAtMs + (dependencies.livezGraceMs ?? 0);
  const handlers: NonResourceHandler[] = [
    discoveryHandler(resources.table, {
      serverAddress: () => dependencies.externalAddress ?? "",
      extensions: aggregator,
      protobuf: dependencies.protobuf,
    }),
    versionHandler,
    healthHandler({
      ...serverChecks(dependencies.storage, {
        startup: startup.checks,
        isInGrace: () => now() < graceEndMs,
        storage: dependencies.storageChecks ?? [],
        ready: stages.readyChecks ?? [],
        last: [parts.shutdownCheck],
      }),
      observe: (...check) => metrics.health.observe(...check),
    }),
    metricsHandler({
      sources: [
        metrics,
        flow,
        ...(dependencies.auditor === undefined ? [] : [dependencies.auditor]),
        { families: async () => objectFamilies(await resources.countObjects()) },
        { families: buildFamilies },
        ...(stages.metrics === undefined ? [] : [stages.metrics]),
        ...(dependencies.metricSources ?? []),
      ],
      health: metrics.health,
    }),
    statusPages({
      now,
      startedAtMs,
      version: programVersion,
      paths: () => handlers.flatMap((handler) => handler.paths),
      flags: dependencies.flags ?? new Map(),
    }),
    ...flow.handlers,
    ...(dependencies.nonResourceHandlers ?? []).map((own) => extensionOpenApi(aggregator, own)),
    ...(stages.documents ?? []).map(documentHandler),
  ];
  return [...handlers, indexHandler(handlers)];
}
