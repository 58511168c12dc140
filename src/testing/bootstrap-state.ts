import { type Storage, StoredValue } from "../storage/storage.ts";
import objects from "./bootstrap-objects.generated.json" with { type: "json" };

/**
 * Fills a new store with what an API server makes at its first start (bootstrap roles, flow schemas, API services, namespaces), and
 * the controllers right after it (service accounts, aggregated roles), as it was written by them: they find it like those of a
 * cluster that is started again, and repair what differs. That is most of a start. `tools/bootstrap-objects.ts` makes the
 * file; a test tells when it is out of date.
 */
export async function fillWithBootstrapObjects(
  storage: Storage,
  { withControllers }: { readonly withControllers: boolean },
): Promise<void> {
  const { server, controllers } = objects;
  const byKey: Readonly<Record<string, object>> = withControllers ? { ...server, ...controllers } : server;
  await storage.commit({
    compare: [],
    writes: Object.entries(byKey).map(([key, object]) => ({
      type: "put",
      key,
      value: StoredValue.ofObject(object),
    })),
  });
}
