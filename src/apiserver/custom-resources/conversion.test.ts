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
interface Answer {
  readonly kind: string;
  readonly apiVersion: string;
  readonly response: {
    readonly uid: string;
    readonly result: object;
    readonly convertedObjects: readonly AnyObject[];
  };
}

/** What becomes of the webhook's answer. */
let fault: ((answer: Answer) => unknown) | undefined;
let haltsAreThere: Promise<unknown>;

function eachObject(change: (object: AnyObject) => object): (answer: Answer) => unknown {
  return ({ response, ...answer }) => ({
    ...answer,
    response: { ...response, convertedObjects: response.convertedObjects.map(change) },
  });
}

before(async () => {
  server = await startTestServer({
    dependencies: {
      webhookTransport: {
        async post(_target, body) {
          const review = body as Review;
          calls.push(review);
          const { uid, desiredAPIVersion, objects } = review.request;
          const convertedObjects = objects.map((object) => convert(object, desiredAPIVersion));
          const answer = {
            kind: "ConversionReview",
            apiVersion: "apiextensions.k8s.io/v1",
            response: {
              uid,
              result: { status: "Success" },
              convertedObjects: convertedObjects as AnyObject[],
            },
          };
          return fault === undefined ? answer : fault(answer);
        },
      },
    },
  });
  await server.server.start();
  haltsAreThere = defineKind(server, {
    plural: "halts",
    kind: "Halt",
    versions: versions("v1"),
    conversion,
  }).then(() =>
    server.ok("POST", kindPath("halts"), {
      body: { apiVersion: "example.com/v1", kind: "Halt", metadata: { name: "a" }, hostPort: "x:1" },
    }),
  );
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

const ofKind = "conversion webhook for example.com/v1, Kind=Halt";
for (const { name, spoil, want } of [
  {
    name: "cannot be reached",
    spoil: () => {
      throw new Error("connection refused");
    },
    want: "failed: connection refused",
  },
  {
    name: "refuses",
    spoil: (review) => ({
      ...review,
      response: { ...review.response, result: { status: "Failed", message: "no" } },
    }),
    want: "failed: no",
  },
  {
    name: "refuses without a word",
    spoil: (review) => ({ ...review, response: { ...review.response, result: { status: "Failure" } } }),
    want: "failed: response.result.status was 'Failure', not 'Success'",
  },
  {
    name: "answers with another kind",
    spoil: (review) => ({ ...review, kind: "AdmissionReview" }),
    want: "failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1, Kind=AdmissionReview",
  },
  {
    name: "gives no response",
    spoil: ({ response: _, ...review }) => review,
    want: "failed: no response provided",
  },
  {
    name: "answers another request",
    spoil: (review) => ({ ...review, response: { ...review.response, uid: "x" } }),
    want: /^failed: expected response\.uid="[-0-9a-f]{36}", got "x"$/,
  },
  {
    name: "loses an object",
    spoil: (review) => ({ ...review, response: { ...review.response, convertedObjects: [] } }),
    want: "returned 0 objects, expected 1",
  },
  {
    name: "leaves the version",
    spoil: eachObject((object) => ({ ...object, apiVersion: "example.com/v1" })),
    want: "returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)",
  },
  {
    name: "changes the kind",
    spoil: eachObject((object) => ({ ...object, kind: "Go" })),
    want: "returned invalid object at index 0: invalid kind (expected Halt, received Go)",
  },
  {
    name: "changes the name",
    spoil: eachObject(({ metadata, ...object }) => ({ ...object, metadata: { ...metadata, name: "b" } })),
    want: "returned invalid object: must have the same name: a != b",
  },
  {
    name: "changes the uid",
    spoil: eachObject(({ metadata, ...object }) => ({ ...object, metadata: { ...metadata, uid: "4" } })),
    want: /^returned invalid object: must have the same UID: [-0-9a-f]{36} != 4$/,
  },
  {
    name: "gives labels that are none",
    spoil: eachObject(({ metadata, ...object }) => ({ ...object, metadata: { ...metadata, labels: ["x"] } })),
    want: "returned invalid metadata: invalid metadata.labels of type []interface {} in converted object",
  },
  {
    name: "gives a label that is a number",
    spoil: eachObject(({ metadata, ...object }) => ({
      ...object,
      metadata: { ...metadata, labels: { x: 1 } },
    })),
    want: "returned invalid metadata: metadata.labels[x] must be a string, but is int64 in converted object",
  },
] satisfies readonly { name: string; spoil: (review: Answer) => unknown; want: string | RegExp }[]) {
  test(`every request says so when the webhook ${name}`, async () => {
    await haltsAreThere;
    fault = spoil;
    const path = kindPath("halts", "v2");
    const object = {
      apiVersion: "example.com/v2",
      kind: "Halt",
      metadata: { name: "a" },
      host: "h",
      port: "1",
    };
    try {
      for (const [method, at, body] of [
        ["GET", `${path}/a`, undefined],
        ["GET", path, undefined],
        ["PUT", `${path}/a`, object],
      ] as const) {
        const asked = server.object<Status>(method, at, body === undefined ? {} : { body });
        // Whoever comes while it is known to fail hears of the next attempt.
        await server.clock.advance(20_000);
        const status = await asked;
        assert.deepEqual([status.code, status.reason], [500, undefined], JSON.stringify(status));
        const { message = "" } = status;
        assert.ok(message.startsWith(`${ofKind} `), message);
        const rest = message.slice(ofKind.length + 1);
        if (typeof want === "string") assert.equal(rest, want);
        else assert.match(rest, want);
      }
    } finally {
      fault = undefined;
    }
    await server.clock.settle();
  });
}

test("a list of what cannot be converted fails instead of waiting", async () => {
  await defineKind(server, { plural: "lates", kind: "Late", versions: versions("v1"), conversion });
  await server.ok("POST", kindPath("lates"), {
    body: { apiVersion: "example.com/v1", kind: "Late", metadata: { name: "a" }, hostPort: "x:1" },
  });
  fault = () => {
    throw new Error("connection refused");
  };
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
