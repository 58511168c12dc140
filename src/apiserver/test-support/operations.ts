import assert from "node:assert/strict";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import type { WatchEvent } from "../../client/exchange.ts";
import { namesOf, type TestServer, type WatchReader } from "./server.ts";

/** One resource, as the suite's "should support X API operations" takes it through its life. */
export interface ApiOperations {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** A whole object but for its metadata. */
  readonly sample: (name: string) => object;
  /** Absent: the kind has no status endpoint. */
  readonly status?: {
    /** Merged into the object's status. */
    readonly patch: object;
    /** Holds in the status afterwards. */
    readonly shows: (status: Record<string, unknown>) => boolean;
  };
  /** A change of the object beside its metadata; absent: only annotations are changed. */
  readonly change?: { readonly patch: object; readonly shows: (object: AnyObject) => boolean };
  /** Names must have this form. */
  readonly nameOf?: (index: number) => string;
}

const merge = { "content-type": "application/merge-patch+json" };
const marker = "conformance";
/** Jobs would leave their pods to the collector first. */
const atOnce = { gracePeriodSeconds: 0, propagationPolicy: "Background" };

/** Discovery, create, get, list, watch, patch, update, status, delete, deletecollection: each does what it says. */
export async function runOperations(server: TestServer, resource: ApiOperations): Promise<void> {
  const run = new Operations(server, resource);
  await run.isDiscovered();
  await run.createAll();
  const watch = await run.readAndWatch();
  await run.patchAndUpdate(watch);
  if (resource.status !== undefined) await run.writeStatus(resource.status, watch);
  await run.deleteOne(watch);
  await run.deleteRest(watch);
  watch.close();
}

class Operations {
  readonly #server: TestServer;
  readonly #resource: ApiOperations;
  readonly #root: string;
  readonly #collection: string;
  readonly #names: readonly string[];

  constructor(server: TestServer, resource: ApiOperations) {
    this.#server = server;
    this.#resource = resource;
    const { group, version, plural, namespaced, nameOf = (index) => `sample-${plural}-${index}` } = resource;
    this.#root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    this.#collection = namespaced ? `${this.#root}/namespaces/default/${plural}` : `${this.#root}/${plural}`;
    this.#names = [0, 1, 2].map(nameOf);
  }

  async isDiscovered(): Promise<void> {
    const { plural, kind, namespaced, group } = this.#resource;
    const list = await this.#server.ok<{
      resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
    }>("GET", this.#root);
    const entry = list.resources.find(({ name }) => name === plural);
    assert.equal(entry?.kind, kind);
    assert.equal(entry?.namespaced, namespaced);
    for (const verb of ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
      assert.ok(entry?.verbs.includes(verb), verb);
    if (group === "") return;
    const { groups } = await this.#server.ok<{ groups: { name: string }[] }>("GET", "/apis");
    assert.ok(groups.some(({ name }) => name === group));
  }

  async createAll(): Promise<void> {
    for (const name of this.#names) {
      const created = await this.#server.ok("POST", this.#collection, { body: this.#object(name) });
      assert.equal(created.metadata.name, name);
      assert.notEqual(created.metadata.uid, undefined);
      assert.equal(created.kind, this.#resource.kind);
    }
    const again = await this.#server.object<Status>("POST", this.#collection, {
      body: this.#object(this.#first),
    });
    assert.equal(again.reason, "AlreadyExists");
  }

  async readAndWatch(): Promise<WatchReader> {
    const read = await this.#server.ok("GET", this.#path(this.#first));
    assert.equal(read.metadata.name, this.#first);
    const list = await this.#list(this.#collection);
    assert.deepEqual(namesOf(list).toSorted(), this.#names.toSorted());
    if (this.#resource.namespaced)
      assert.equal(
        namesOf(await this.#list(`${this.#root}/${this.#resource.plural}`)).length,
        this.#names.length,
      );
    return this.#server.watch(this.#collection, {
      ...this.#selected,
      resourceVersion: list.metadata.resourceVersion ?? "",
    });
  }

  async patchAndUpdate(watch: WatchReader): Promise<void> {
    const body = { metadata: { annotations: { patched: "true" } }, ...this.#resource.change?.patch };
    const patched = await this.#server.ok("PATCH", this.#path(this.#first), { body, headers: merge });
    assert.equal(patched.metadata.annotations?.patched, "true");
    if (this.#resource.change !== undefined)
      assert.ok(this.#resource.change.shows(patched), JSON.stringify(patched));
    await seen(watch, "MODIFIED", (object) => object.metadata.annotations?.patched === "true");
    const metadata = {
      ...patched.metadata,
      annotations: { ...patched.metadata.annotations, updated: "true" },
    };
    const updated = await this.#server.ok("PUT", this.#path(this.#first), { body: { ...patched, metadata } });
    assert.equal(updated.metadata.annotations?.updated, "true");
    await seen(watch, "MODIFIED", (object) => object.metadata.annotations?.updated === "true");
    const stale = await this.#server.object<Status>("PUT", this.#path(this.#first), {
      body: { ...patched, metadata },
    });
    assert.equal(stale.reason, "Conflict");
  }

  async writeStatus(
    { patch, shows }: NonNullable<ApiOperations["status"]>,
    watch: WatchReader,
  ): Promise<void> {
    const path = `${this.#path(this.#first)}/status`;
    const body = { metadata: { annotations: { patchedstatus: "true" } }, status: patch };
    const patched = await this.#server.ok("PATCH", path, { body, headers: merge });
    assert.ok(shows(patched.status as Record<string, unknown>), JSON.stringify(patched.status));
    assert.equal(patched.metadata.annotations?.patchedstatus, "true");
    await seen(watch, "MODIFIED", (object) => object.metadata.annotations?.patchedstatus === "true");
    const metadata = {
      ...patched.metadata,
      annotations: { ...patched.metadata.annotations, updatedstatus: "true" },
    };
    const updated = await this.#server.ok("PUT", path, { body: { ...patched, metadata } });
    assert.ok(shows(updated.status as Record<string, unknown>), JSON.stringify(updated.status));
    const read = await this.#server.ok("GET", path);
    assert.ok(shows(read.status as Record<string, unknown>), JSON.stringify(read.status));
    assert.equal(read.metadata.annotations?.updatedstatus, "true");
  }

  async deleteOne(watch: WatchReader): Promise<void> {
    await this.#server.ok("DELETE", this.#path(this.#first), { body: atOnce });
    const status = await this.#server.object<Status>("GET", this.#path(this.#first));
    assert.equal(status.reason, "NotFound");
    await seen(watch, "DELETED", (object) => object.metadata.name === this.#first);
    assert.equal(namesOf(await this.#list(this.#collection)).length, 2);
  }

  async deleteRest(watch: WatchReader): Promise<void> {
    await this.#server.ok("DELETE", this.#collection, {
      query: this.#selected,
      body: atOnce,
    });
    assert.deepEqual(namesOf(await this.#list(this.#collection)), []);
    for (let left = this.#names.length - 1; left > 0; left--) await seen(watch, "DELETED", () => true);
  }

  get #first(): string {
    return this.#names[0] ?? "";
  }

  get #selected(): Readonly<Record<string, string>> {
    return { labelSelector: `${marker}=${this.#resource.plural}` };
  }

  #list(path: string): Promise<KubeList> {
    return this.#server.ok<KubeList>("GET", path, { query: this.#selected });
  }

  #path(name: string): string {
    return `${this.#collection}/${name}`;
  }

  #object(name: string): object {
    const { group, version, kind, plural, sample } = this.#resource;
    return {
      apiVersion: group === "" ? version : `${group}/${version}`,
      kind,
      metadata: { name, labels: { [marker]: plural } },
      ...sample(name),
    };
  }
}

/** Reads a watch up to an event of this type that holds; what comes before it is passed over. */
export async function seen(
  watch: WatchReader,
  type: WatchEvent["type"],
  holds: (object: AnyObject) => boolean,
): Promise<AnyObject> {
  for (;;) {
    const event = await watch.next();
    assert.ok(event, `the watch ended before ${type}`);
    const object = event.object as AnyObject; // a watch of objects as they are
    if (event.type === type && holds(object)) return object;
  }
}
