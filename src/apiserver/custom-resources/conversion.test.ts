import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { namesOf, startTestServer, type TestServer } from "../test-support/server.ts";
import { defineKind, definitionBody, kindPath } from "./test-support.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

interface Review {
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly (AnyObject & { hostPort?: string; host?: string; port?: string })[];
  };
}

let server: TestServer;
let calls: Review[] = [];
/** What the webhook does instead of converting. */
let fault: string | undefined;

before(async () => {
  server = await startTestServer({
    dependencies: {
      webhookTransport: {
        async post(_target, body) {
          const review = body as Review;
          calls.push(review);
          if (fault === "unreachable") throw new Error("connection refused");
          const { uid, desiredAPIVersion, objects } = review.request;
          const convertedObjects = objects.map((object) => convert(object, desiredAPIVersion));
          const result = fault === undefined ? { status: "Success" } : { status: "Failed", message: fault };
          return {
            kind: "ConversionReview",
            apiVersion: "apiextensions.k8s.io/v1",
            response: { uid, result, convertedObjects },
          };
        },
      },
    },
  });
  await server.server.start();
});
after(() => server.close());

/** v1 has `hostPort`, v2 has `host` and `port`. */
function convert(object: Review["request"]["objects"][number], apiVersion: string): object {
  const { hostPort, host, port, ...rest } = object;
  if (apiVersion.endsWith("/v2")) {
    const [first, second] = (hostPort ?? "").split(":");
    return {
      ...rest,
      apiVersion,
      host: first,
      port: second,
      metadata: { ...rest.metadata, labels: { converted: "yes" } },
    };
  }
  return { ...rest, apiVersion, hostPort: `${host}:${port}` };
}

const string = { type: "string" };
const versions = (stored: string) => [
  {
    name: "v1",
    served: true,
    storage: stored === "v1",
    selectableFields: [{ jsonPath: ".hostPort" }],
    schema: { openAPIV3Schema: { type: "object", properties: { hostPort: string } } },
  },
  {
    name: "v2",
    served: true,
    storage: stored === "v2",
    selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }],
    additionalPrinterColumns: [{ name: "Host", type: "string", jsonPath: ".host" }],
    schema: { openAPIV3Schema: { type: "object", properties: { host: string, port: string } } },
  },
];
const conversion = {
  strategy: "Webhook",
  webhook: { clientConfig: { url: "https://convert.example/" }, conversionReviewVersions: ["v1"] },
};

test("Custom Resource Definition Conversion Webhook, conversion custom resource", async () => {
  await defineKind(server, { plural: "ends", kind: "End", versions: versions("v1"), conversion });
  await server.ok("POST", kindPath("ends"), {
    body: { apiVersion: "example.com/v1", kind: "End", metadata: { name: "a" }, hostPort: "one:80" },
  });
  const other = await server.ok("GET", `${kindPath("ends", "v2")}/a`);
  assert.equal(other.apiVersion, "example.com/v2");
  assert.deepEqual([other.host, other.port, other.hostPort], ["one", "80", undefined]);
  assert.equal(other.metadata.labels?.converted, "yes");
  const created = await server.ok("POST", kindPath("ends", "v2"), {
    body: { apiVersion: "example.com/v2", kind: "End", metadata: { name: "b" }, host: "two", port: "81" },
  });
  assert.equal(created.host, "two");
  assert.equal((await server.ok("GET", `${kindPath("ends")}/b`)).hostPort, "two:81");
});

test("custom-resource-definition-field-selectors-list-watch-register-informers: each version selects by its own fields", async () => {
  const watch = await server.watch(kindPath("ends", "v2"), { fieldSelector: "host=one" });
  assert.equal((await watch.next())?.object.metadata.name, "a");
  const list = (version: string, fieldSelector: string) =>
    server.object<KubeList & Status>("GET", kindPath("ends", version), { query: { fieldSelector } });
  assert.deepEqual(namesOf(await list("v2", "host=two")), ["b"]);
  assert.deepEqual(namesOf(await list("v1", "hostPort=one:80")), ["a"]);
  assert.equal((await list("v1", "host=two")).code, 400);
  await server.ok("PATCH", `${kindPath("ends")}/b`, {
    headers: { "content-type": "application/merge-patch+json" },
    body: { hostPort: "one:82" },
  });
  const event = await watch.next();
  assert.deepEqual([event?.type, event?.object.metadata.name], ["ADDED", "b"]);
  await server.ok("DELETE", `${kindPath("ends")}/b`);
  assert.equal((await watch.next())?.type, "DELETED");
  watch.close();
});

test("Custom Resource Definition Conversion Webhook, convert mixed version list", async () => {
  const current = await server.ok("GET", `${definitions}/ends.example.com`);
  const changed = definitionBody({ plural: "ends", kind: "End", versions: versions("v2"), conversion });
  const updated = await server.ok("PUT", `${definitions}/ends.example.com`, {
    body: { ...current, spec: changed.spec },
  });
  assert.deepEqual((updated.status as { storedVersions: string[] }).storedVersions, ["v1", "v2"]);
  await server.clock.settle();
  await server.ok("POST", kindPath("ends", "v2"), {
    body: { apiVersion: "example.com/v2", kind: "End", metadata: { name: "c" }, host: "three", port: "83" },
  });
  calls = [];
  for (const version of ["v1", "v2"]) {
    const { items } = await server.ok<KubeList>("GET", kindPath("ends", version));
    assert.deepEqual(
      items.map(({ apiVersion, metadata }) => [apiVersion, metadata.name]),
      [
        [`example.com/${version}`, "a"],
        [`example.com/${version}`, "c"],
      ],
    );
  }
  assert.ok(
    calls.every(({ request }) => request.objects.length === 1),
    "only what is in another version is converted",
  );
});

test("a table shows the columns of its version", async () => {
  const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
  const table = await server.ok<{ rows: { cells: unknown[] }[] }>("GET", kindPath("ends", "v2"), {
    headers: { accept },
  });
  assert.deepEqual(
    table.rows.map(({ cells }) => cells),
    [
      ["a", "one"],
      ["c", "three"],
    ],
  );
});

for (const { name, what, want } of [
  {
    name: "cannot be reached",
    what: "unreachable",
    want: "conversion webhook for example.com/v2, Kind=Stop failed: connection refused",
  },
  {
    name: "refuses",
    what: "no way",
    want: "conversion webhook for example.com/v2, Kind=Stop failed: no way",
  },
]) {
  test(`reads and writes say so when the webhook ${name}`, async () => {
    const plural = what === "unreachable" ? "stops" : "halts";
    await defineKind(server, {
      plural,
      kind: "Stop",
      versions: versions("v1"),
      conversion,
      names: { singular: plural.slice(0, -1), listKind: `${plural}List` },
    }).catch(() => {});
    fault = what;
    try {
      const status = await server.object<Status>("POST", kindPath(plural, "v2"), {
        body: { apiVersion: "example.com/v2", kind: "Stop", metadata: { name: "a" }, host: "h", port: "1" },
      });
      assert.equal(status.code, 500);
      assert.match(status.message ?? "", new RegExp(want));
    } finally {
      fault = undefined;
    }
    await server.ok("DELETE", `${definitions}/${plural}.example.com`);
    await server.clock.settle();
  });
}

test("a list of what cannot be converted fails instead of waiting", async () => {
  await defineKind(server, { plural: "lates", kind: "Late", versions: versions("v1"), conversion });
  await server.ok("POST", kindPath("lates"), {
    body: { apiVersion: "example.com/v1", kind: "Late", metadata: { name: "a" }, hostPort: "x:1" },
  });
  fault = "unreachable";
  const status = await server.object<Status>("GET", kindPath("lates", "v2"));
  fault = undefined;
  assert.equal(status.code, 500);
  assert.match(
    status.message ?? "",
    /conversion webhook for example.com\/v1, Kind=Late failed: connection refused/,
  );
  await server.clock.advance(20_000);
  assert.deepEqual(namesOf(await server.ok<KubeList>("GET", kindPath("lates", "v2"))), ["a"]);
});

test("versions without a webhook differ in their name and by pruning; the one that is stored may change", async () => {
  const plain = (stored: string) =>
    versions(stored).map((version) => ({
      ...version,
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: { both: string, ...(version.name === "v2" ? { two: string } : {}) },
        },
      },
      selectableFields: [],
    }));
  await defineKind(server, { plural: "plains", kind: "Plain", versions: plain("v1") });
  await server.ok("POST", kindPath("plains"), {
    body: { apiVersion: "example.com/v1", kind: "Plain", metadata: { name: "a" }, both: "x" },
  });
  const current = await server.ok("GET", `${definitions}/plains.example.com`);
  const changed = definitionBody({ plural: "plains", kind: "Plain", versions: plain("v2") });
  await server.ok("PUT", `${definitions}/plains.example.com`, { body: { ...current, spec: changed.spec } });
  await server.clock.settle();
  await server.ok("PATCH", `${kindPath("plains", "v2")}/a`, {
    headers: { "content-type": "application/merge-patch+json" },
    body: { two: "y" },
  });
  const first = await server.ok("GET", `${kindPath("plains", "v1")}/a`);
  assert.deepEqual([first.apiVersion, first.both, first.two], ["example.com/v1", "x", undefined]);
  const second = await server.ok("GET", `${kindPath("plains", "v2")}/a`);
  assert.deepEqual([second.apiVersion, second.both, second.two], ["example.com/v2", "x", "y"]);
});
