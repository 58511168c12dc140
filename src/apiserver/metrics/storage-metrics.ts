import { counterOf, histogramOf, type MetricFamily } from "../../base/metrics/family.ts";
import {
  type HistogramSeries,
  histogramSeries,
  type NumberSeries,
  numberSeries,
} from "../../base/metrics/series.ts";
import { ForwardingStorage } from "../../storage/forwarding-storage.ts";
import type {
  CommitResult,
  KeyRange,
  KeyValue,
  RangeOptions,
  RangeResult,
  Storage,
  StorageWatch,
  StorageWatchBatch,
  Transaction,
  WatchOptions,
} from "../../storage/storage.ts";

const bounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

interface OperationSeries {
  readonly seconds: HistogramSeries;
  readonly requests: NumberSeries;
  readonly errors: NumberSeries;
}

/** What the storage engine is asked for, whatever engine it is: under etcd's names, as every dashboard has them. */
export class StorageMetrics {
  readonly #seconds = histogramSeries(bounds);
  readonly #requests = numberSeries();
  readonly #errors = numberSeries();
  readonly #events = numberSeries();
  readonly #initializations = numberSeries();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The same storage; what this resource asks of it is counted. */
  metered(storage: Storage, group: string, resource: string): Storage {
    return new MeteredStorage(storage, this.#now, {
      of: (operation) => ({
        seconds: this.#seconds.of(operation, group, resource),
        requests: this.#requests.of(operation, group, resource),
        errors: this.#errors.of(operation, group, resource),
      }),
      followed: () => {
        this.#initializations.of(group, resource).value++;
        return this.#events.of(group, resource);
      },
    });
  }

  families(): readonly MetricFamily[] {
    const labels = ["operation", "group", "resource"];
    return [
      histogramOf(
        {
          name: "etcd_request_duration_seconds",
          help: "[ALPHA] Etcd request latency in seconds for each operation and object type.",
          labels,
        },
        this.#seconds,
      ),
      counterOf(
        {
          name: "etcd_requests_total",
          help: "[ALPHA] Etcd request counts for each operation and object type.",
          labels,
        },
        this.#requests,
      ),
      counterOf(
        {
          name: "etcd_request_errors_total",
          help: "[ALPHA] Etcd failed request counts for each operation and object type.",
          labels,
        },
        this.#errors,
      ),
      ...this.#followed(),
    ];
  }

  /** What the caches were told: each resource is followed by one watch of storage. */
  #followed(): readonly MetricFamily[] {
    const labels = ["group", "resource"];
    return [
      counterOf(
        {
          name: "apiserver_storage_events_received_total",
          help: "[BETA] Number of etcd events received split by kind.",
          labels,
        },
        this.#events,
      ),
      counterOf(
        {
          name: "apiserver_watch_cache_events_received_total",
          help: "[ALPHA] Counter of events received in watch cache broken by resource type.",
          labels,
        },
        this.#events,
      ),
      counterOf(
        {
          name: "apiserver_watch_cache_initializations_total",
          help: "[ALPHA] Counter of watch cache initializations broken by resource type.",
          labels,
        },
        this.#initializations,
      ),
    ];
  }
}

type Operation = "create" | "delete" | "get" | "list" | "update";

interface ResourceSeries {
  of(operation: Operation): OperationSeries;
  /** A watch began: what counts its events. */
  followed(): NumberSeries;
}

class MeteredStorage extends ForwardingStorage {
  readonly #now: () => number;
  readonly #resource: ResourceSeries;
  readonly #series = new Map<Operation, OperationSeries>();

  constructor(storage: Storage, now: () => number, resource: ResourceSeries) {
    super(storage);
    this.#now = now;
    this.#resource = resource;
  }

  override watch(range: KeyRange, options: WatchOptions): StorageWatch {
    const watch = super.watch(range, options);
    return { requestProgress: () => watch.requestProgress(), ...counted(watch, this.#resource.followed()) };
  }

  override get(key: string): Promise<KeyValue | undefined> {
    return this.#measured("get", super.get(key));
  }

  override range(range: KeyRange, options?: RangeOptions): Promise<RangeResult> {
    return this.#measured("list", super.range(range, options));
  }

  override commit(transaction: Transaction): Promise<CommitResult> {
    return this.#measured(operationOf(transaction), super.commit(transaction));
  }

  #measured<T>(operation: Operation, work: Promise<T>): Promise<T> {
    let series = this.#series.get(operation);
    if (series === undefined) {
      series = this.#resource.of(operation);
      this.#series.set(operation, series);
    }
    const { seconds, requests, errors } = series;
    const startMs = this.#now();
    return work.then(
      (result) => {
        requests.value++;
        seconds.observe(Math.max(0, this.#now() - startMs) / 1000);
        return result;
      },
      (error: unknown) => {
        requests.value++;
        errors.value++;
        seconds.observe(Math.max(0, this.#now() - startMs) / 1000);
        throw error;
      },
    );
  }
}

/** The same batches; their events are counted as they are taken. */
function counted(watch: StorageWatch, events: NumberSeries): AsyncIterable<StorageWatchBatch, undefined> {
  return {
    [Symbol.asyncIterator]() {
      const batches = watch[Symbol.asyncIterator]();
      return {
        async next() {
          const step = await batches.next();
          if (step.done !== true) events.value += step.value.events.length;
          return step;
        },
        return: async () => (await batches.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}

function operationOf({ writes, compare }: Transaction): Operation {
  const [first] = writes;
  if (first?.type === "delete") return "delete";
  return compare.some(({ key, modRevision }) => key === first?.key && modRevision === 0)
    ? "create"
    : "update";
}
