import type { Service } from "../../api/core/types.generated.ts";
import type { EndpointSlice } from "../../api/discovery/types.generated.ts";
import { gauge, histogramOf, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import { exponentialBounds, histogramSeries } from "../../base/metrics/series.ts";
import type { Reconciled } from "../framework/controller.ts";
import type { Intent } from "../framework/intent.ts";

const bounds = exponentialBounds(2, 2, 15);

interface Sources {
  readonly services: () => readonly Service[];
  /** Those that the controller made, of all services. */
  readonly slices: () => readonly EndpointSlice[];
  readonly slicesOf: (slices: readonly EndpointSlice[]) => number;
}

/** endpoint_slice_controller_*: what changes is counted as it happens, what there is when a scrape asks. */
export class EndpointSliceMetrics implements MetricSource {
  readonly #added = histogramSeries(bounds);
  readonly #removed = histogramSeries(bounds);
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  reconciled({ intents, failure }: Reconciled): void {
    if (failure !== undefined) return;
    let added = 0;
    let removed = 0;
    for (const [before, after] of intents.flatMap(changeOf)) {
      added += after.difference(before).size;
      removed += before.difference(after).size;
    }
    this.#added.of().observe(added);
    this.#removed.of().observe(removed);
  }

  families(): readonly MetricFamily[] {
    const heading = (name: string, help: string, labels: readonly string[] = []) => ({
      name: `endpoint_slice_controller_${name}`,
      help: `[BETA] ${help}`,
      labels,
    });
    const slices = this.#sources.slices();
    const endpoints = slices.reduce((sum, slice) => sum + (slice.endpoints ?? []).length, 0);
    const distributions = Map.groupBy(
      this.#sources.services().filter(({ spec }) => spec.trafficDistribution !== undefined),
      ({ spec }) => spec.trafficDistribution ?? "",
    );
    const one = (value: number) => [{ labels: [], value }];
    return [
      histogramOf(
        heading("endpoints_added_per_sync", "Number of endpoints added on each Service sync"),
        this.#added,
      ),
      histogramOf(
        heading("endpoints_removed_per_sync", "Number of endpoints removed on each Service sync"),
        this.#removed,
      ),
      gauge(heading("endpoints_desired", "Number of endpoints desired"), one(endpoints)),
      gauge(heading("num_endpoint_slices", "Number of EndpointSlices"), one(slices.length)),
      gauge(
        heading(
          "desired_endpoint_slices",
          "Number of EndpointSlices that would exist with perfect endpoint allocation",
        ),
        one(this.#sources.slicesOf(slices)),
      ),
      gauge(
        heading(
          "services_count_by_traffic_distribution",
          "Number of Services using some specific trafficDistribution",
          ["traffic_distribution"],
        ),
        [...distributions].map(([name, { length }]) => ({ labels: [name], value: length })),
      ),
    ];
  }
}

type Change = readonly [before: ReadonlySet<string>, after: ReadonlySet<string>];

const none: ReadonlySet<string> = new Set();

/** The addresses that a slice had and has. */
function changeOf(intent: Intent): readonly Change[] {
  switch (intent.action) {
    case "create":
      return [[none, addressesOf(intent.object)]];
    case "update":
      return [[addressesOf(intent.from), addressesOf(intent.object)]];
    case "delete":
      return [[addressesOf(intent.object), none]];
    default:
      return [];
  }
}

function addressesOf(object: object): ReadonlySet<string> {
  const { endpoints = [] } = object as EndpointSlice; // The controller writes nothing else.
  return new Set(endpoints.map(({ addresses }) => addresses[0] ?? ""));
}
