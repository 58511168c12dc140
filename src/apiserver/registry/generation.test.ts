/** Which kinds count generations, from when on and of what: as kube-apiserver v1.36.2 answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestServer } from "../test-support/server.ts";

const template = {
  metadata: { labels: { a: "b" } },
  spec: { containers: [{ name: "c", image: "i" }], automountServiceAccountToken: false },
};
const selector = { matchLabels: { a: "b" } };
const annotate = { metadata: { annotations: { x: "y" } } };
const label = { metadata: { labels: { x: "y" } } };
const nobody = undefined;

interface Row {
  readonly path: string;
  readonly body?: object;
  readonly generation?: number;
  readonly changes: readonly object[];
  /** After the create and after each change. */
  readonly want: readonly (number | undefined)[];
}

const rows: readonly Row[] = [
  {
    path: "/apis/storage.k8s.io/v1/csidrivers",
    changes: [label, { spec: { requiresRepublish: true } }, { spec: { requiresRepublish: false } }],
    want: [nobody, nobody, 1, 2],
  },
  {
    path: "/apis/storage.k8s.io/v1/csidrivers",
    generation: 9,
    changes: [{ spec: { requiresRepublish: true } }],
    want: [9, 10],
  },
  {
    path: "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
    changes: [label, { spec: { podSelector: selector } }],
    want: [1, 1, 2],
  },
  {
    path: "/apis/scheduling.k8s.io/v1/priorityclasses",
    body: { value: 5 },
    changes: [{ description: "x" }, label],
    want: [1, 1, 1],
  },
  {
    path: "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    body: { addressType: "IPv4", endpoints: [] },
    changes: [label, annotate, { ports: [{ name: "a", port: 1 }] }],
    want: [1, 2, 2, 3],
  },
  {
    path: "/apis/apps/v1/namespaces/default/deployments",
    body: { spec: { selector, template } },
    changes: [label, annotate, { spec: { replicas: 2 } }],
    want: [1, 1, 2, 3],
  },
  {
    path: "/apis/apps/v1/namespaces/default/statefulsets",
    body: { spec: { selector, template } },
    changes: [annotate, { spec: { replicas: 2 } }],
    want: [1, 1, 2],
  },
  {
    path: "/api/v1/namespaces/default/podtemplates",
    body: { template },
    changes: [label, { template: label }],
    want: [1, 1, 2],
  },
  {
    path: "/apis/coordination.k8s.io/v1/namespaces/default/leases",
    changes: [{ spec: { holderIdentity: "x" } }],
    want: [nobody, nobody],
  },
  {
    path: "/api/v1/namespaces/default/services",
    body: { spec: { ports: [{ port: 1 }] } },
    changes: [{ spec: { ports: [{ port: 2 }] } }],
    want: [nobody, nobody],
  },
];

for (const { path, body = {}, generation, changes, want } of rows)
  test(`a new object of ${path.split("/").at(-1)}${generation === undefined ? "" : ` that brings generation ${generation}`} has generation ${want.map(String).join(", then ")}`, async () => {
    const server = await startTestServer();
    const metadata = { name: "a", ...(generation === undefined ? {} : { generation }) };
    const seen = [(await server.ok("POST", path, { body: { ...body, metadata } })).metadata.generation];
    const headers = { "content-type": "application/merge-patch+json" };
    for (const change of changes)
      seen.push((await server.ok("PATCH", `${path}/a`, { body: change, headers })).metadata.generation);
    assert.deepEqual(seen, want);
    await server.close();
  });
