import {
  counter,
  counterOf,
  gauge,
  gaugeOf,
  histogram,
  histogramOf,
  type MetricFamily,
} from "../../base/metrics/family.ts";
import {
  exponentialBounds,
  HistogramSeries,
  histogramSeries,
  type NumberSeries,
  numberSeries,
} from "../../base/metrics/series.ts";
import type { ApiRequest } from "../../client/exchange.ts";
import { emptyPlace, isTrue, type RequestInfo } from "../request-info.ts";

const durationBounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const sliBounds = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const watchListBounds = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60];
const responseBounds = exponentialBounds(1000, 10, 7);
const eventBounds = exponentialBounds(1024, 2, 8);

/** Beyond this many kinds of requests the rest is counted as one: hostile paths must not fill memory. */
const seriesLimit = 2000;

/** What is counted of one kind of request. */
class RequestSeries {
  /** verb, group, version, resource, subresource, scope, component. */
  readonly labels: readonly string[];
  readonly dryRun: string;
  readonly countByCode = new Map<number, number>();
  readonly terminationsByCode = new Map<number, number>();
  readonly seconds = new HistogramSeries(durationBounds);
  readonly sliSeconds = new HistogramSeries(sliBounds);
  readonly bytes = new HistogramSeries(responseBounds);
  aborted = 0;
  longRunning = 0;

  constructor(labels: readonly string[], dryRun: string) {
    this.labels = labels;
    this.dryRun = dryRun;
  }
}

/** How a request ended. */
export interface RequestEnd {
  readonly code: number;
  readonly endMs: number;
  /** Of the body as it was sent; 0 in process. */
  readonly bytes: number;
  /** Spent waiting for a seat, or for webhooks. */
  readonly waitedMs?: number;
  /** The client went away before it was answered. */
  readonly aborted?: boolean;
  /** It came to the handler of a resource, or of a path that is counted; of those turned away before only 429 and 504 are told. */
  readonly isHandled: boolean;
}

export interface RequestStart {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly startMs: number;
  /** The resource is one that is served. */
  readonly isServed: boolean;
}

/** Counts of requests, kept as plain numbers: what a scrape shows is made from them only then. */
export class RequestMetrics {
  readonly #series = new Map<string, RequestSeries>();
  readonly #watchEvents = numberSeries();
  readonly #watchEventBytes = histogramSeries(eventBounds);
  readonly #deprecated = numberSeries();
  readonly #selfRequests = numberSeries();
  readonly #watchListSeconds = histogramSeries(watchListBounds);
  tlsHandshakeErrors = 0;
  #mutating = 0;
  #readOnly = 0;

  /** Call at the start; the function it returns, once, when the answer is on its way. */
  begin({ request, info, startMs, isServed }: RequestStart): (end: RequestEnd) => void {
    const series = this.#seriesOf(request, info, isServed);
    const isCounted = isServed || countedPath(info) !== undefined;
    const isLasting = info.verb === "watch" || series.labels[0] === "CONNECT";
    const isReadOnly = info.verb === "get" || info.verb === "list";
    if (isLasting) series.longRunning++;
    else if (isReadOnly) this.#readOnly++;
    else this.#mutating++;
    return ({ code, endMs, bytes, waitedMs = 0, aborted = false, isHandled }) => {
      if (isLasting) series.longRunning--;
      else if (isReadOnly) this.#readOnly--;
      else this.#mutating--;
      if (!(isHandled && isCounted) && code !== 429 && code !== 504) return;
      const seconds = Math.max(0, endMs - startMs) / 1000;
      series.countByCode.set(code, (series.countByCode.get(code) ?? 0) + 1);
      series.seconds.observe(seconds);
      if (series.dryRun === "") series.sliSeconds.observe(Math.max(0, seconds - waitedMs / 1000));
      if (isReadOnly) series.bytes.observe(bytes);
      if (aborted) series.aborted++;
      if (code === 429 || code === 504) add(series.terminationsByCode, code);
    };
  }

  /** For a watch: what counts each batch of events that goes out. */
  sentEvents({ apiGroup, apiVersion, resource }: RequestInfo): (events: number, bytes: number) => void {
    let total: NumberSeries | undefined;
    let sizes: HistogramSeries | undefined;
    return (events, bytes) => {
      total ??= this.#watchEvents.of(apiGroup, apiVersion, resource);
      sizes ??= this.#watchEventBytes.of(apiGroup, apiVersion, resource);
      total.value += events;
      // A batch goes out as one piece: its events count with the size they have on average.
      sizes.observe(bytes / events, events);
    };
  }

  /** The server asked itself for something. */
  askedItself(request: ApiRequest, info: RequestInfo): void {
    const { apiGroup, resource, subresource } = info;
    this.#selfRequests.of(verbOf(request, info), apiGroup, resource, subresource).value++;
  }

  /** A watch that begins with all there is has sent all of it. */
  watchListed(info: RequestInfo, durationMs: number): void {
    const { apiGroup, apiVersion, resource } = info;
    const series = this.#watchListSeconds.of(apiGroup, apiVersion, resource, scopeOf(info));
    series.observe(Math.max(0, durationMs) / 1000);
  }

  /** An API that is to go was asked for; the warning may say with which release it goes. */
  askedDeprecated({ apiGroup, apiVersion, resource, subresource }: RequestInfo, warning: string): void {
    const [, removedRelease = ""] = /unavailable in v(\d+\.\d+)/.exec(warning) ?? [];
    this.#deprecated.of(apiGroup, apiVersion, resource, subresource, removedRelease).value = 1;
  }

  families(): readonly MetricFamily[] {
    const all = [...this.#series.values()];
    return [...requestFamilies(all), ...endFamilies(all), ...this.#otherFamilies()];
  }

  #otherFamilies(): readonly MetricFamily[] {
    const resource = ["group", "version", "resource"];
    return [
      gauge(
        {
          name: "apiserver_current_inflight_requests",
          help: "[STABLE] Maximal number of currently used inflight request limit of this apiserver per request kind in last second.",
          labels: ["request_kind"],
        },
        [
          { labels: ["mutating"], value: this.#mutating },
          { labels: ["readOnly"], value: this.#readOnly },
        ],
      ),
      gaugeOf(
        {
          name: "apiserver_requested_deprecated_apis",
          help: "[STABLE] Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.",
          labels: [...resource, "subresource", "removed_release"],
        },
        this.#deprecated,
      ),
      counterOf(
        {
          name: "apiserver_watch_events_total",
          help: "[ALPHA] Number of events sent in watch clients",
          labels: resource,
        },
        this.#watchEvents,
      ),
      histogramOf(
        {
          name: "apiserver_watch_events_sizes",
          help: "[ALPHA] Watch event size distribution in bytes",
          labels: resource,
        },
        this.#watchEventBytes,
      ),
      counterOf(
        {
          name: "apiserver_selfrequest_total",
          help: "[ALPHA] Counter of apiserver self-requests broken out for each verb, API resource and subresource.",
          labels: ["verb", "group", "resource", "subresource"],
        },
        this.#selfRequests,
      ),
      histogramOf(
        {
          name: "apiserver_watch_list_duration_seconds",
          help: "[BETA] Response latency distribution in seconds for watch list requests broken by group, version, resource and scope.",
          labels: [...resource, "scope"],
        },
        this.#watchListSeconds,
      ),
      counter(
        {
          name: "apiserver_tls_handshake_errors_total",
          help: "[ALPHA] Number of requests dropped with 'TLS handshake error from' error",
          labels: [],
        },
        [{ labels: [], value: this.tlsHandshakeErrors }],
      ),
    ];
  }

  #seriesOf(request: ApiRequest, info: RequestInfo, isServed: boolean): RequestSeries {
    const verb = verbOf(request, info);
    const dryRun = dryRunOf(request.query);
    const { apiGroup, apiVersion, resource, subresource } = info;
    const path = countedPath(info);
    const scope = scopeOf(info);
    const key = isServed
      ? `${verb}${dryRun} ${apiGroup}/${apiVersion}/${resource}/${subresource} ${scope}`
      : `${verb}${dryRun}${path ?? ""}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= seriesLimit && key !== verb) return this.#seriesOf(request, noPlace, false);
    const labels = isServed
      ? [verb, apiGroup, apiVersion, resource, subresource, scope, "apiserver"]
      : [verb, "", "", "", path ?? "", "", ""];
    const series = new RequestSeries(labels, dryRun);
    this.#series.set(key, series);
    return series;
  }
}

const healthPaths: ReadonlySet<string> = new Set(["/healthz", "/livez", "/readyz"]);
const openApiPath = /^\/(openapi\/v3(?:\/|$))/;

/** Of the paths that are no resources upstream counts a few; undefined: not this one. */
function countedPath({ isResourceRequest, path }: RequestInfo): string | undefined {
  if (isResourceRequest) return undefined;
  return healthPaths.has(path) ? path : openApiPath.exec(path)?.[1];
}

const place = ["verb", "group", "version", "resource", "subresource", "scope", "component"];
const withDryRun = ["verb", "dry_run", ...place.slice(1)];

function dry({ labels: [first = "", ...others], dryRun }: RequestSeries): readonly string[] {
  return [first, dryRun, ...others];
}

function requestFamilies(all: readonly RequestSeries[]): readonly MetricFamily[] {
  return [
    counter(
      {
        name: "apiserver_request_total",
        help: "[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
        labels: [...withDryRun, "code"],
      },
      all.flatMap((series) =>
        [...series.countByCode].map(([code, value]) => ({ labels: [...dry(series), String(code)], value })),
      ),
    ),
    histogram(
      {
        name: "apiserver_request_duration_seconds",
        help: "[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
        labels: withDryRun,
      },
      all
        .filter(({ seconds }) => seconds.count > 0)
        .map((series) => ({ labels: dry(series), value: series.seconds })),
    ),
    histogram(
      {
        name: "apiserver_request_sli_duration_seconds",
        help: "[ALPHA] Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.",
        labels: place,
      },
      all
        .filter(({ sliSeconds }) => sliSeconds.count > 0)
        .map((series) => ({ labels: series.labels, value: series.sliSeconds })),
    ),
    histogram(
      {
        name: "apiserver_response_sizes",
        help: "[STABLE] Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.",
        labels: place,
      },
      all
        .filter(({ bytes }) => bytes.count > 0)
        .map((series) => ({ labels: series.labels, value: series.bytes })),
    ),
  ];
}

function endFamilies(all: readonly RequestSeries[]): readonly MetricFamily[] {
  return [
    gauge(
      {
        name: "apiserver_longrunning_requests",
        help: "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.",
        labels: place,
      },
      all
        .filter(({ labels }) => labels[0] === "WATCH" || labels[0] === "CONNECT")
        .map((series) => ({ labels: series.labels, value: series.longRunning })),
    ),
    counter(
      {
        name: "apiserver_request_terminations_total",
        help: "[ALPHA] Number of requests which apiserver terminated in self-defense.",
        labels: [...place, "code"],
      },
      all.flatMap((series) =>
        [...series.terminationsByCode].map(([code, value]) => ({
          labels: [...series.labels, String(code)],
          value,
        })),
      ),
    ),
    counter(
      {
        name: "apiserver_request_aborts_total",
        help: "[ALPHA] Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, resource, subresource and scope",
        labels: place.slice(0, -1),
      },
      all
        .filter(({ aborted }) => aborted > 0)
        .map(({ labels, aborted }) => ({ labels: labels.slice(0, -1), value: aborted })),
    ),
  ];
}

const noPlace: RequestInfo = { ...emptyPlace, isResourceRequest: false, path: "", verb: "", parts: [] };

function add(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const connections: ReadonlySet<string> = new Set(["log", "exec", "portforward", "attach", "proxy"]);

/** The verb as upstream's metrics name it: a closed set. */
export function verbOf({ method, headers, query }: ApiRequest, info: RequestInfo): string {
  if (info.isResourceRequest && connections.has(info.subresource)) return "CONNECT";
  switch (method) {
    case "GET":
    case "HEAD": {
      if (info.verb === "watch" || (query.size > 0 && isTrue(query.get("watch")))) return "WATCH";
      const scope = scopeOf(info);
      return scope === "" || scope === "resource" ? "GET" : "LIST";
    }
    case "PATCH":
      return headers["content-type"]?.startsWith("application/apply-patch") === true ? "APPLY" : "PATCH";
    case "POST":
    case "PUT":
    case "DELETE":
      return method;
    default:
      return "other";
  }
}

/** Upstream's scopes: of one object, of a namespace's, of the cluster's; "" for other paths. */
export function scopeOf({ name, verb, namespace, isResourceRequest }: RequestInfo): string {
  if (!isResourceRequest) return "";
  if (name !== "" || verb === "create") return "resource";
  return namespace === "" ? "cluster" : "namespace";
}

function dryRunOf(query: URLSearchParams): string {
  if (query.size === 0 || !query.has("dryRun")) return "";
  return query.getAll("dryRun").every((value) => value === "All") ? "All" : "invalid";
}
