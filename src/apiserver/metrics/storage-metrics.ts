import { ForwardingStorage } from "../../storage/forwarding-storage.ts";
import type {
  CommitResult,
  KeyRange,
  KeyValue,
  RangeOptions,
  RangeResult,
  Storage,
  Transaction,
} from "../../storage/storage.ts";
import { counterOf, histogramOf, type MetricFamily } from "./family.ts";
import { type HistogramSeries, histogramSeries, type NumberSeries, numberSeries } from "./series.ts";

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
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The same storage; what this resource asks of it is counted. */
  metered(storage: Storage, group: string, resource: string): Storage {
    return new MeteredStorage(storage, this.#now, (operation) => ({
      seconds: this.#seconds.of(operation, group, resource),
      requests: this.#requests.of(operation, group, resource),
      errors: this.#errors.of(operation, group, resource),
    }));
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
    ];
  }
}

type Operation = "create" | "delete" | "get" | "list" | "update";

class MeteredStorage extends ForwardingStorage {
  readonly #now: () => number;
  readonly #seriesOf: (operation: Operation) => OperationSeries;
  readonly #series = new Map<Operation, OperationSeries>();

  constructor(storage: Storage, now: () => number, seriesOf: (operation: Operation) => OperationSeries) {
    super(storage);
    this.#now = now;
    this.#seriesOf = seriesOf;
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
      series = this.#seriesOf(operation);
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

function operationOf({ writes, compare }: Transaction): Operation {
  const [first] = writes;
  if (first?.type === "delete") return "delete";
  return compare.some(({ key, modRevision }) => key === first?.key && modRevision === 0)
    ? "create"
    : "update";
}
