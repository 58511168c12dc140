import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import {
  type CallOptions,
  type ConformanceClient,
  type EventReader,
  eventually,
} from "./test-support/client.ts";
import { overBothTransports } from "./test-support/conformance-cluster.ts";

interface Resource {
  readonly testname: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly spec: object;
  /** Holds after each of the patches, which are merged, and after an update. */
  readonly change: {
    readonly metadata?: { readonly labels: Record<string, string> };
    readonly spec?: object;
  };
  /** Merged into the status, where there is one. */
  readonly status?: object;
}

const request = { name: "req-0", exactly: { deviceClassName: "dra.example.com" } };
const claimSpec = { devices: { requests: [request] } };
/** The spec is immutable. */
const labelled = { metadata: { labels: { "test.dra.example.com": "test" } } };
const selector = (expression: string) => ({ selectors: [{ cel: { expression } }] });

const resources: readonly Resource[] = [
  {
    testname: "CRUD operations for deviceclasses",
    plural: "deviceclasses",
    namespaced: false,
    spec: selector("false"),
    change: { spec: selector("1 == 0") },
  },
  {
    testname: "CRUD operations for resourceclaims",
    plural: "resourceclaims",
    namespaced: true,
    spec: claimSpec,
    change: labelled,
    status: { allocation: {} },
  },
  {
    testname: "CRUD operations for resourceclaimtemplates",
    plural: "resourceclaimtemplates",
    namespaced: true,
    spec: { spec: claimSpec },
    change: labelled,
  },
  {
    testname: "CRUD operations for resoureslices",
    plural: "resourceslices",
    namespaced: false,
    spec: {
      driver: "dra.example.com",
      pool: { name: "cluster", generation: 1, resourceSliceCount: 1 },
      nodeName: "no-such-node",
    },
    change: { spec: { devices: [{ name: "device-0" }] } },
  },
];

const group = "/apis/resource.k8s.io/v1";
const strict = { fieldValidation: "Strict" };

/** One object on its way through create, get, update, patch and delete, with a watch that sees each of it. */
class Journey {
  readonly #api: ConformanceClient;
  readonly #resource: Resource;
  readonly #collection: string;
  readonly #name: string;
  readonly #label: string;

  constructor(api: ConformanceClient, resource: Resource, namespace: string) {
    this.#api = api;
    this.#resource = resource;
    this.#label = namespace;
    const { plural, namespaced } = resource;
    this.#collection = namespaced ? `${group}/namespaces/${namespace}/${plural}` : `${group}/${plural}`;
    this.#name = namespaced ? "test" : `test-${namespace}`;
  }

  /** As client-go's dynamic client sends a typed object: no kind, and what is empty in Go is there as null. */
  async create(): Promise<AnyObject> {
    const labels = { "e2e-test.kubernetes.io": this.#label };
    const body = {
      metadata: { name: this.#name, creationTimestamp: null, labels },
      spec: this.#resource.spec,
    };
    const withStatus = this.#resource.status === undefined ? body : { ...body, status: {} };
    const options: CallOptions =
      this.#api.transport === "HTTPS"
        ? {
            raw: JSON.stringify(withStatus),
            headers: { "content-type": "application/json", accept: "application/json" },
          }
        : { body: withStatus };
    return this.#api.ok("POST", this.#collection, { ...options, query: strict });
  }

  watch(): Promise<EventReader> {
    return this.#api.watch(this.#collection, { labelSelector: this.#selector });
  }

  async update(): Promise<AnyObject> {
    const object = await this.#api.get(this.#path);
    const { metadata, spec } = this.#resource.change;
    const changed = {
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...metadata?.labels } },
      spec: { ...(object.spec as object), ...spec },
    };
    return this.#api.update(this.#path, changed);
  }

  async updateStatus(status: object): Promise<AnyObject> {
    const object = await this.#api.get(this.#path);
    await this.#api.update(`${this.#path}/status`, { ...object, status });
    return this.#api.get(`${this.#path}/status`);
  }

  /** One patch of each sort; `at` is "" or "/status". */
  patch(type: PatchType, change: object, at = ""): Promise<AnyObject> {
    const body = type === "json" ? jsonPatch(change) : change;
    const applied = { fieldManager: "test-apply", force: "true" };
    return this.#api.ok("PATCH", `${this.#path}${at}`, {
      body,
      headers: { "content-type": patchTypes[type] },
      query: { ...strict, ...(type === "apply" ? applied : {}) },
    });
  }

  async identity(): Promise<{ apiVersion: string; kind: string; metadata: object }> {
    const { apiVersion = "", kind = "", metadata } = await this.#api.get(this.#path);
    return { apiVersion, kind, metadata: { name: metadata.name, uid: metadata.uid } };
  }

  async list(): Promise<KubeList<AnyObject>> {
    return this.#api.get(this.#collection, { labelSelector: this.#selector });
  }

  async delete(): Promise<void> {
    await this.#api.delete(this.#path);
    await eventually(`${this.#path} gone`, () => this.#api.isGone(this.#path));
  }

  async deleteAll(): Promise<void> {
    await this.#api.ok("DELETE", this.#collection, { query: { labelSelector: this.#selector } });
    await eventually(`${this.#path} gone`, () => this.#api.isGone(this.#path));
  }

  get #path(): string {
    return `${this.#collection}/${this.#name}`;
  }
  get #selector(): string {
    return `e2e-test.kubernetes.io=${this.#label}`;
  }
}

const patchTypes = {
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
} as const;
type PatchType = keyof typeof patchTypes;

function jsonPatch(change: object): object[] {
  const { metadata, spec, status } = change as Resource["change"] & { status?: object };
  const entries = [
    ...Object.entries(metadata?.labels ?? {}).map(
      ([key, value]) => [`/metadata/labels/${key}`, value] as const,
    ),
    ...Object.entries(spec ?? {}).map(([key, value]) => [`/spec/${key}`, value] as const),
    ...Object.entries(status ?? {}).map(([key, value]) => [`/status/${key}`, value] as const),
  ];
  return entries.map(([path, value]) => ({ op: "add", path, value }));
}

/** Everything of the one is in the other. */
function holds(part: unknown, whole: unknown): boolean {
  if (typeof part !== "object" || part === null) return part === whole;
  if (typeof whole !== "object" || whole === null) return false;
  return Object.entries(part).every(([key, value]) => holds(value, (whole as Record<string, unknown>)[key]));
}

overBothTransports("Dynamic resource allocation's kinds", ({ api, named }) => {
  for (const resource of resources) {
    test(`${resource.testname}: created, read, updated, patched in every way, watched and deleted`, async () => {
      const namespace = named(resource.plural);
      await api().namespace(namespace);
      const journey = new Journey(api(), resource, namespace);
      const { resources: known } = await api().get<{ resources: { name: string }[] }>(group);
      assert.ok(known.some(({ name }) => name === resource.plural));
      const watch = await journey.watch();
      const created = await journey.create();
      await watch.until("ADDED");
      const updated = await journey.update();
      assert.ok(holds(resource.change, updated), JSON.stringify(updated));
      assert.ok(Number(updated.metadata.resourceVersion) > Number(created.metadata.resourceVersion));
      await watch.until("MODIFIED");
      const { status } = resource;
      if (status !== undefined) {
        assert.ok(holds({ status }, await journey.updateStatus(status)));
        await watch.until("MODIFIED");
      }
      for (const type of Object.keys(patchTypes) as PatchType[]) {
        await journey.delete();
        await watch.until("DELETED");
        await journey.create();
        await watch.until("ADDED");
        const identity = await journey.identity();
        const patched = await journey.patch(
          type,
          type === "json" ? resource.change : merged(identity, resource.change),
        );
        assert.ok(holds(resource.change, patched), `${type}: ${JSON.stringify(patched)}`);
        await watch.until("MODIFIED");
        if (status === undefined) continue;
        const told = await journey.patch(
          type,
          type === "json" ? { status } : { ...identity, status },
          "/status",
        );
        assert.ok(holds({ status }, told), `${type}: ${JSON.stringify(told)}`);
        await watch.until("MODIFIED");
      }
      assert.equal((await journey.list()).items.length, 1);
      await journey.deleteAll();
      await watch.until("DELETED");
      assert.equal((await journey.list()).items.length, 0);
      watch.close();
    });
  }
});

function merged(identity: { readonly metadata: object }, change: Resource["change"]): object {
  return { ...identity, ...change, metadata: { ...identity.metadata, ...change.metadata } };
}
