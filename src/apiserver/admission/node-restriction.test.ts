import assert from "node:assert/strict";
import { test } from "node:test";
import { notFound } from "../../apimachinery/api-error.ts";
import type { AdmissionAttributes } from "../stages.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { admitted, attributesFor, fixedDependencies, object, podOf } from "./test-support.ts";

const plugin = nodeRestriction(
  fixedDependencies({
    nodes: [object("Node", "a", {}, { uid: "node-uid" })],
    pods: [
      object(
        "Pod",
        "mine",
        {
          spec: {
            nodeName: "a",
            volumes: [{ projected: { sources: [{ serviceAccountToken: { audience: "vault" } }] } }],
          },
        },
        { namespace: "ns", uid: "u1" },
      ),
      object("Pod", "other", { spec: { nodeName: "b" } }, { namespace: "ns", uid: "u2" }),
    ],
  }),
  async (pem) => ({ commonName: pem, organizations: [] }),
);
const node = { name: "system:node:a", groups: ["system:nodes"] };
const owner = { apiVersion: "v1", kind: "Node", name: "a", uid: "node-uid", controller: true };
const mirrorOf = (spec: object, metadata: object = {}) =>
  podOf(
    { nodeName: "a", ...spec },
    { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [owner], ...metadata },
  );
const nodeWith = (fields: object = {}, labels: object = {}) => object("Node", "a", fields, { labels });
const tokenFor = (reference: object | undefined, audiences?: string[]) => ({
  apiVersion: "authentication.k8s.io/v1",
  kind: "TokenRequest",
  metadata: {},
  spec: {
    ...(reference === undefined ? {} : { boundObjectRef: reference }),
    ...(audiences === undefined ? {} : { audiences }),
  },
});
const podReference = (name: string, uid: string) => ({ apiVersion: "v1", kind: "Pod", name, uid });
const lease = { group: "coordination.k8s.io", version: "v1", resource: "leases" };
const stored = (kind: string, name: string, fields: object = {}, metadata: object = {}) =>
  // Tests give only the fields that the plugin looks at.
  object(kind, name, fields, metadata) as never;

interface Case {
  readonly name: string;
  readonly resource: string;
  readonly given?: object;
  readonly fields?: Partial<AdmissionAttributes>;
  readonly want: string | undefined;
}

const csr = { group: "certificates.k8s.io", version: "v1", resource: "certificatesigningrequests" };
const signing = (commonName: string) =>
  object("CertificateSigningRequest", "x", {
    spec: { signerName: "kubernetes.io/kubelet-serving", request: btoa(commonName) },
  });
const cases: readonly Case[] = [
  {
    name: "asks for a certificate in its own name",
    resource: "certificatesigningrequests",
    given: signing("system:node:a"),
    fields: { resource: csr },
    want: undefined,
  },
  {
    name: "asks for no certificate in another name",
    resource: "certificatesigningrequests",
    given: signing("system:node:b"),
    fields: { resource: csr },
    want: "can only create a node CSR with CN=system:node:a",
  },
  { name: "creates its own mirror pods", resource: "pods", given: mirrorOf({}), want: undefined },
  {
    name: "creates no other pods",
    resource: "pods",
    given: podOf({ nodeName: "a" }),
    want: 'pod does not have "kubernetes.io/config.mirror" annotation, node "a" can only create mirror pods',
  },
  {
    name: "creates no pods on other nodes",
    resource: "pods",
    given: mirrorOf({ nodeName: "b" }),
    want: 'node "a" can only create pods with spec.nodeName set to itself',
  },
  {
    name: "creates no pods without an owner",
    resource: "pods",
    given: mirrorOf({}, { ownerReferences: [] }),
    want: 'node "a" can only create pods with an owner reference set to itself',
  },
  {
    name: "creates no pods of a node that was replaced",
    resource: "pods",
    given: mirrorOf({}, { ownerReferences: [{ ...owner, uid: "old" }] }),
    want: "node a UID mismatch: expected old got node-uid",
  },
  {
    name: "creates no pods with secrets",
    resource: "pods",
    given: mirrorOf({ volumes: [{ name: "s", secret: { secretName: "s" } }] }),
    want: 'node "a" can not create pods that reference secrets',
  },
  ...[
    { source: { csi: { driver: "d" } }, reference: "csidrivers (via CSI volumes)" },
    { source: { ephemeral: {} }, reference: "persistentvolumeclaims (via ephemeral volumes)" },
    { source: { glusterfs: { endpoints: "e" } }, reference: "endpoints (via glusterFS volumes)" },
    {
      source: { projected: { sources: [{ downwardAPI: {} }, { serviceAccountToken: {} }] } },
      reference: "serviceaccounts (via projected volumes)",
    },
    { source: { projected: { sources: [{ podCertificate: {} }] } }, reference: "podcertificates" },
  ].map(({ source, reference }) => ({
    name: `creates no pods with ${reference}`,
    resource: "pods",
    given: mirrorOf({ volumes: [{ name: "v", ...source }] }),
    want: `node "a" can not create pods that reference ${reference}`,
  })),
  {
    name: "creates pods with volumes of its own",
    resource: "pods",
    given: mirrorOf({
      volumes: [
        { name: "v", hostPath: { path: "/" } },
        { name: "w", projected: { sources: [{ downwardAPI: {} }] } },
      ],
    }),
    want: undefined,
  },
  {
    name: "deletes its own pods",
    resource: "pods",
    fields: {
      operation: "DELETE",
      name: "mine",
      oldObject: stored("Pod", "mine", { spec: { nodeName: "a" } }),
    },
    want: undefined,
  },
  {
    name: "deletes no other pods",
    resource: "pods",
    fields: { operation: "DELETE", name: "other" },
    want: 'node "a" can only delete pods with spec.nodeName set to itself',
  },
  {
    name: "changes no pods",
    resource: "pods",
    given: podOf(),
    fields: { oldObject: stored("Pod", "p") },
    want: 'unexpected operation "UPDATE", node "a" can only create and delete mirror pods',
  },
  {
    name: "writes its own pods' status",
    resource: "pods",
    given: podOf({ nodeName: "a" }),
    fields: { subresource: "status", oldObject: stored("Pod", "p", { spec: { nodeName: "a" } }) },
    want: undefined,
  },
  {
    name: "writes no other pods' status",
    resource: "pods",
    given: podOf({ nodeName: "b" }),
    fields: { subresource: "status", oldObject: stored("Pod", "p", { spec: { nodeName: "b" } }) },
    want: 'node "a" can only update pod status for pods with spec.nodeName set to itself',
  },
  {
    name: "may say its pods' labels in another order",
    resource: "pods",
    given: {
      ...podOf({ nodeName: "a" }),
      metadata: { name: "p", namespace: "default", labels: { app: "web", tier: "x" } },
    },
    fields: {
      subresource: "status",
      oldObject: stored(
        "Pod",
        "p",
        { spec: { nodeName: "a" } },
        { namespace: "default", labels: { tier: "x", app: "web" } },
      ),
    },
    want: undefined,
  },
  {
    name: "changes no labels through the status",
    resource: "pods",
    given: podOf({ nodeName: "a" }, { labels: { x: "y" } }),
    fields: { subresource: "status", oldObject: stored("Pod", "p", { spec: { nodeName: "a" } }) },
    want: 'node "a" cannot update labels through pod status',
  },
  {
    name: "evicts no other pods",
    resource: "pods",
    given: object("Eviction", "other"),
    fields: { subresource: "eviction" },
    want: "node a can only evict pods with spec.nodeName set to itself",
  },
  {
    name: "registers itself",
    resource: "nodes",
    given: nodeWith({}, { "kubernetes.io/hostname": "a", "node.kubernetes.io/x": "y", own: "z" }),
    want: undefined,
  },
  {
    name: "registers no other node",
    resource: "nodes",
    given: object("Node", "b"),
    want: 'node "a" is not allowed to modify node "b"',
  },
  {
    name: "registers without labels that steer workloads",
    resource: "nodes",
    given: nodeWith({}, { "node-restriction.kubernetes.io/x": "y", "node-role.kubernetes.io/master": "" }),
    want: 'node "a" is not allowed to set the following labels: node-restriction.kubernetes.io/x, node-role.kubernetes.io/master',
  },
  {
    name: "changes no such labels later",
    resource: "nodes",
    given: nodeWith({}, {}),
    fields: { oldObject: stored("Node", "a", {}, { labels: { "node-role.kubernetes.io/master": "" } }) },
    want: "is not allowed to modify labels: node-role.kubernetes.io/master",
  },
  {
    name: "changes no taints",
    resource: "nodes",
    given: nodeWith({ spec: {} }),
    fields: { oldObject: stored("Node", "a", { spec: { taints: [{ key: "k", effect: "NoSchedule" }] } }) },
    want: 'node "a" is not allowed to modify taints',
  },
  {
    name: "gets a token for its pod",
    resource: "serviceaccounts",
    given: tokenFor(podReference("mine", "u1"), ["vault"]),
    fields: { subresource: "token" },
    want: undefined,
  },
  {
    name: "gets no token for another node's pod",
    resource: "serviceaccounts",
    given: tokenFor(podReference("other", "u2")),
    fields: { subresource: "token" },
    want: "node requested token bound to a pod scheduled on a different node",
  },
  {
    name: "gets no token without a pod",
    resource: "serviceaccounts",
    given: tokenFor(undefined),
    fields: { subresource: "token" },
    want: "node requested token not bound to a pod",
  },
  {
    name: "gets no token for an audience no volume asks for",
    resource: "serviceaccounts",
    given: tokenFor(podReference("mine", "u1"), ["bank"]),
    fields: { subresource: "token" },
    want: 'audience "bank" not found in pod spec volume, system:node:a is not authorized to request tokens for this audience',
  },
  {
    name: "writes its own lease",
    resource: "leases",
    given: object("Lease", "a"),
    fields: { resource: lease, namespace: "kube-node-lease" },
    want: undefined,
  },
  {
    name: "writes no other lease",
    resource: "leases",
    given: object("Lease", "b"),
    fields: { resource: lease, namespace: "kube-node-lease" },
    want: "can only access node lease with the same name as the requesting node",
  },
];
for (const { name, resource, given, fields, want } of cases) {
  test(`NodeRestriction: a node ${name}`, async () => {
    const result = await admitted(plugin, attributesFor(resource, given, { user: node, ...fields }));
    if (want === undefined) assert.ok(typeof result !== "string" || result === "nothing", String(result));
    else assert.ok(typeof result === "string" && result.endsWith(`is forbidden: ${want}`), String(result));
  });
}

test("NodeRestriction leaves everybody else alone", async () => {
  const pod = podOf();
  assert.equal(await admitted(plugin, attributesFor("pods", pod)), pod);
});

test("NodeRestriction: a node gets a token for the audience of a CSI driver whose volume its pod mounts", async () => {
  const volumes = [
    { name: "inline", csi: { driver: "inline.example.com" } },
    { name: "claimed", persistentVolumeClaim: { claimName: "claim" } },
    { name: "own", ephemeral: {} },
  ];
  const pod = object(
    "Pod",
    "csi",
    { spec: { nodeName: "a", volumes } },
    { namespace: "ns", uid: "u3" },
  ) as never;
  const volumeOf = (driver: string) => ({ spec: { csi: { driver, volumeHandle: "h" } } });
  const driverFor = (audience: string) => ({ spec: { tokenRequests: [{ audience }] } });
  const stored: Readonly<Record<string, object>> = {
    "csidrivers/inline.example.com": driverFor("inline"),
    "csidrivers/claimed.example.com": driverFor("claimed"),
    "csidrivers/own.example.com": driverFor("own"),
    "persistentvolumeclaims/claim": { spec: { volumeName: "pv1" } },
    "persistentvolumeclaims/csi-own": { spec: { volumeName: "pv2" } },
    "persistentvolumes/pv1": volumeOf("claimed.example.com"),
    "persistentvolumes/pv2": volumeOf("own.example.com"),
  };
  const dependencies = fixedDependencies({ pods: [pod] });
  const client = {
    async get(type: { resource: string }, { name }: { name: string }) {
      const found = stored[`${type.resource}/${name}`];
      if (found === undefined) throw notFound({ group: "", resource: type.resource }, name);
      return found;
    },
  };
  const restricted = nodeRestriction({ ...dependencies, client: client as never }, async () => ({
    commonName: "",
    organizations: [],
  }));
  const ask = (audience: string) =>
    admitted(
      restricted,
      attributesFor("serviceaccounts", tokenFor(podReference("csi", "u3"), [audience]), {
        user: node,
        subresource: "token",
      }),
    );
  for (const audience of ["inline", "claimed", "own"]) assert.equal(typeof (await ask(audience)), "object");
  assert.match(
    String(await ask("bank")),
    /audience "bank" not found in pod spec volume, system:node:a is not authorized/,
  );
});
