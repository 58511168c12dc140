import type { MetricFamily, MetricSource } from "../../base/metrics/family.ts";
import { textContentType, textOf } from "../../base/metrics/text-format.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { bytesResponse, type NonResourceHandler, textResponse } from "../non-resource.ts";
import { createProcessFamilies } from "./process-families.ts";
import { protobufContentType, protobufOf } from "./protobuf-format.ts";
import { registeredFamilies } from "./server-metrics.ts";

export interface MetricsSources {
  /** Shown at /metrics. */
  readonly sources: readonly MetricSource[];
  /** Shown at /metrics/slis, too. */
  readonly health: MetricSource;
}

/** Serves /metrics and /metrics/slis. */
export function metricsHandler({ sources, health }: MetricsSources): NonResourceHandler {
  let processFamilies: ReturnType<typeof createProcessFamilies> | undefined;
  const ownFamilies: MetricSource = {
    async families() {
      processFamilies ??= createProcessFamilies();
      return (await processFamilies)();
    },
  };
  return {
    paths: ["/metrics", "/metrics/slis"],
    async handle(request) {
      const { accept } = request.headers;
      if (request.path === "/metrics") {
        const all = await gather([...sources, ownFamilies]);
        return respond(byName([...all, ...registeredFamilies(all)]), accept);
      }
      if (request.path === "/metrics/slis") return respond(byName(await gather([health])), accept);
      return undefined;
    },
  };
}

async function gather(sources: readonly MetricSource[]): Promise<readonly MetricFamily[]> {
  return (await Promise.all(sources.map((source) => source.families()))).flat();
}

function byName(families: readonly MetricFamily[]): readonly MetricFamily[] {
  return families.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

function respond(families: readonly MetricFamily[], accept: string | undefined): ApiResponse {
  return wantsProtobuf(accept)
    ? bytesResponse(200, protobufOf(families), { "content-type": protobufContentType })
    : textResponse(200, textOf(families), textContentType);
}

/** Whether the delimited protobuf format is what the client would rather have than text. */
export function wantsProtobuf(accept = ""): boolean {
  let best: { readonly quality: number; readonly isProtobuf: boolean } | undefined;
  for (const clause of accept.split(",")) {
    const [type = "", ...parameters] = clause.split(";").map((part) => part.trim().replaceAll('"', ""));
    const isProtobuf =
      type === "application/vnd.google.protobuf" &&
      parameters.includes("proto=io.prometheus.client.MetricFamily") &&
      parameters.includes("encoding=delimited");
    if (!isProtobuf && type !== "text/plain" && type !== "*/*" && type !== "text/*") continue;
    const given = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const quality = given === undefined ? 1 : Number(given);
    if (best === undefined || quality > best.quality) best = { quality, isProtobuf };
  }
  return best?.isProtobuf === true && best.quality > 0;
}
