import { stat } from "node:fs/promises";
import { join } from "node:path";
import { gauge, type MetricFamily, type MetricSource } from "../base/metrics/family.ts";

/** How large the embedded store's file is. */
export function storageSize(directory: string): MetricSource {
  return {
    async families(): Promise<readonly MetricFamily[]> {
      const { size } = await stat(join(directory, "store.db")).catch(() => ({ size: undefined }));
      const heading = {
        name: "apiserver_storage_size_bytes",
        help: "[STABLE] Size of the storage database file physically allocated in bytes.",
        labels: ["storage_cluster_id"],
      };
      return size === undefined ? [] : [gauge(heading, [{ labels: ["embedded-0"], value: size }])];
    },
  };
}
