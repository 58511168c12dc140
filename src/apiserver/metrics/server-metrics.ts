import { counter, counterOf, gauge, type MetricFamily } from "../../base/metrics/family.ts";
import { numberSeries } from "../../base/metrics/series.ts";
import { featureGates } from "../operation/feature-gates.ts";
import { buildLabels } from "../version.ts";
import { AccessMetrics } from "./access-metrics.ts";
import { AdmissionMetrics } from "./admission-metrics.ts";
import { HealthMetrics } from "./health-metrics.ts";
import { RequestMetrics } from "./request-metrics.ts";
import { RuleMetrics } from "./rule-metrics.ts";
import { StorageMetrics } from "./storage-metrics.ts";

/** What is known of a resource's stored objects when a scrape asks. */
export interface StoredObjects {
  readonly group: string;
  readonly resource: string;
  readonly count: number;
}

/** All that an API server counts of itself. */
export class ServerMetrics {
  readonly requests = new RequestMetrics();
  readonly admission = new AdmissionMetrics();
  readonly access = new AccessMetrics();
  readonly health = new HealthMetrics();
  readonly rules: RuleMetrics;
  readonly storage: StorageMetrics;
  readonly #lists = numberSeries();
  readonly #returned = numberSeries();

  constructor(now: () => number) {
    this.rules = new RuleMetrics(now);
    this.storage = new StorageMetrics(now);
  }

  /** A list was answered from the cache. */
  listed(group: string, resource: string, returned: number): void {
    this.#lists.of(group, resource, "").value++;
    this.#returned.of(group, resource).value += returned;
  }

  families(): readonly MetricFamily[] {
    return [
      ...this.requests.families(),
      ...this.admission.families(),
      ...this.access.families(),
      ...this.rules.families(),
      ...this.storage.families(),
      counterOf(
        {
          name: "apiserver_cache_list_total",
          help: "[ALPHA] Number of LIST requests served from watch cache",
          labels: ["group", "resource", "index"],
        },
        this.#lists,
      ),
      counterOf(
        {
          name: "apiserver_cache_list_returned_objects_total",
          help: "[ALPHA] Number of objects returned for a LIST request from watch cache",
          labels: ["group", "resource"],
        },
        this.#returned,
      ),
    ];
  }
}

/** Stored objects, under the old name and its successor's. */
export function objectFamilies(stored: readonly StoredObjects[]): readonly MetricFamily[] {
  return [
    gauge(
      {
        name: "apiserver_storage_objects",
        help: "[STABLE] (Deprecated since 1.34.0) [DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.",
        labels: ["resource"],
      },
      stored.map(({ group, resource, count }) => ({
        labels: [group === "" ? resource : `${resource}.${group}`],
        value: count,
      })),
    ),
    gauge(
      {
        name: "apiserver_resource_objects",
        help: "[ALPHA] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.",
        labels: ["group", "resource"],
      },
      stored.map(({ group, resource, count }) => ({ labels: [group, resource], value: count })),
    ),
  ];
}

/** What is served, and with which of the gates that are still gates. */
export const buildFamilies = (): readonly MetricFamily[] => [
  gauge(
    {
      name: "kubernetes_build_info",
      help: "[BETA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
      labels: Object.keys(buildLabels),
    },
    [{ labels: Object.values(buildLabels), value: 1 }],
  ),
  gauge(
    {
      name: "kubernetes_feature_enabled",
      help: "[BETA] This metric records the data about the stage and enablement of a k8s feature.",
      labels: ["name", "stage"],
    },
    [...featureGates().values()].map(({ name, stage, isOn }) => ({
      labels: [name, stage],
      value: isOn ? 1 : 0,
    })),
  ),
];

/** How many metrics a scrape knows, by their stability. None is hidden or switched off. */
export function registeredFamilies(all: readonly MetricFamily[]): readonly MetricFamily[] {
  const counts = new Map<string, number>();
  for (const { help } of all) {
    const level = /^(?:EXPERIMENTAL: )?\[(ALPHA|BETA|STABLE)\]/.exec(help)?.[1];
    const deprecated = help.includes("[DEPRECATED") ? deprecatedSince : "";
    if (level !== undefined)
      counts.set(`${level}/${deprecated}`, (counts.get(`${level}/${deprecated}`) ?? 0) + 1);
  }
  const none = [{ labels: [], value: 0 }];
  const heading = (name: string, help: string, labels: readonly string[] = []) => ({
    name,
    help: `[BETA] ${help}`,
    labels,
  });
  return [
    counter(
      heading(
        "registered_metrics_total",
        "The count of registered metrics broken by stability level and deprecation version.",
        ["stability_level", "deprecated_version"],
      ),
      [...counts].map(([key, value]) => ({ labels: key.split("/"), value })),
    ),
    counter(heading("hidden_metrics_total", "The count of hidden metrics."), none),
    counter(heading("disabled_metrics_total", "The count of disabled metrics."), none),
  ];
}

/** Of the one that is: apiserver_storage_objects. */
const deprecatedSince = "1.34.0";
