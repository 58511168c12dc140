import { type Storage, StoredValue } from "../storage/storage.ts";
import objects from "./bootstrap-objects.generated.json" with { type: "json" };

/**
 * Fills a new store with what an API server makes at its first start (bootstrap roles, flow schemas, API services, namespaces), as
 * it was written by one: the server then finds them like one that is started again, and repairs what differs. That is most of a
 * start. `tools/bootstrap-objects.ts` makes the file; a test tells when it is out of date.
 */
export async function fillWithBootstrapObjects(storage: Storage): Promise<void> {
  const commits = Object.entries(objects).map(([key, object]) =>
    storage.commit({
      compare: [{ key, modRevision: 0 }],
      writes: [{ type: "put", key, value: StoredValue.ofObject(object) }],
    }),
  );
  await Promise.all(commits);
}
