import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes } from "../stages.ts";
import { authorizeNode } from "./node-authorizer.ts";
import { informerNodeRelations } from "./node-relations.ts";
import { staticInformers } from "./static-informers.ts";

const pod = (name: string, nodeName: string, spec: object = {}, annotations = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "ns", annotations },
  spec: { nodeName, containers: [], ...spec },
});
const volume = (fields: object) => ({ volumes: [{ name: "v", ...fields }] });
const relations = informerNodeRelations(
  staticInformers({
    pods: [
      pod("one", "a", {
        serviceAccountName: "robot",
        imagePullSecrets: [{ name: "pull" }],
        containers: [
          {
            name: "c",
            env: [{ name: "E", valueFrom: { secretKeyRef: { name: "env", key: "k" } } }],
            envFrom: [{ configMapRef: { name: "env-map" } }],
          },
        ],
        volumes: [
          { name: "s", secret: { secretName: "mounted" } },
          { name: "p", projected: { sources: [{ configMap: { name: "projected-map" } }] } },
          { name: "c", persistentVolumeClaim: { claimName: "claim" } },
          { name: "e", ephemeral: {} },
        ],
      }),
      pod("two", "b", volume({ secret: { secretName: "of-b" } })),
      pod("mirror", "a", volume({ secret: { secretName: "wanted" } }), {
        "kubernetes.io/config.mirror": "x",
      }),
    ],
    persistentvolumes: [
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: "pv" },
        spec: {
          claimRef: { namespace: "ns", name: "claim" },
          csi: { driver: "d", volumeHandle: "h", nodeStageSecretRef: { name: "csi", namespace: "other" } },
        },
      } as never,
    ],
    volumeattachments: [
      {
        apiVersion: "storage.k8s.io/v1",
        kind: "VolumeAttachment",
        metadata: { name: "va" },
        spec: { nodeName: "a" },
      } as never,
    ],
  }),
);

const user = (name: string) => ({ name: `system:node:${name}`, groups: ["system:nodes"] });
const get = { verb: "get", namespace: "ns" };
const lease = { apiGroup: "coordination.k8s.io", resource: "leases", namespace: "kube-node-lease" };

for (const { name, ask, want } of [
  {
    name: "reads a secret that its pod mounts",
    ask: { ...get, resource: "secrets", name: "mounted" },
    want: true,
  },
  {
    name: "watches a secret of its pod's environment",
    ask: { ...get, verb: "watch", resource: "secrets", name: "env" },
    want: true,
  },
  {
    name: "reads its pod's image pull secret",
    ask: { ...get, resource: "secrets", name: "pull" },
    want: true,
  },
  {
    name: "reads a secret that its pod's volume needs",
    ask: { verb: "get", namespace: "other", resource: "secrets", name: "csi" },
    want: true,
  },
  {
    name: "does not read another node's secret",
    ask: { ...get, resource: "secrets", name: "of-b" },
    want: "no relationship found between node 'a' and this object",
  },
  {
    name: "does not read a secret through a mirror pod",
    ask: { ...get, resource: "secrets", name: "wanted" },
    want: "no relationship found between node 'a' and this object",
  },
  {
    name: "does not list secrets",
    ask: { ...get, verb: "list", resource: "secrets" },
    want: "No Object name found",
  },
  {
    name: "does not write secrets",
    ask: { ...get, verb: "update", resource: "secrets", name: "mounted" },
    want: "can only read resources of this type",
  },
  {
    name: "reads a config map of an environment",
    ask: { ...get, resource: "configmaps", name: "env-map" },
    want: true,
  },
  {
    name: "reads a projected config map",
    ask: { ...get, resource: "configmaps", name: "projected-map" },
    want: true,
  },
  {
    name: "does not read that name in another namespace",
    ask: { verb: "get", namespace: "other", resource: "configmaps", name: "env-map" },
    want: "no relationship found between node 'a' and this object",
  },
  { name: "reads a claim", ask: { ...get, resource: "persistentvolumeclaims", name: "claim" }, want: true },
  {
    name: "reads an ephemeral volume's claim",
    ask: { ...get, resource: "persistentvolumeclaims", name: "one-e" },
    want: true,
  },
  {
    name: "reads the volume of its claim",
    ask: { verb: "get", namespace: "", resource: "persistentvolumes", name: "pv" },
    want: true,
  },
  {
    name: "reads its own attachment",
    ask: {
      verb: "get",
      namespace: "",
      apiGroup: "storage.k8s.io",
      resource: "volumeattachments",
      name: "va",
    },
    want: true,
  },
  {
    name: "makes tokens for its pods' accounts",
    ask: { ...get, verb: "create", resource: "serviceaccounts", subresource: "token", name: "robot" },
    want: true,
  },
  {
    name: "makes no token for another account",
    ask: { ...get, verb: "create", resource: "serviceaccounts", subresource: "token", name: "boss" },
    want: "no relationship found between node 'a' and this object",
  },
  {
    name: "reads its pods' accounts, for its image credential providers",
    ask: { ...get, resource: "serviceaccounts", name: "robot" },
    want: true,
  },
  {
    name: "reads no other account",
    ask: { ...get, resource: "serviceaccounts", name: "boss" },
    want: "no relationship found between node 'a' and this object",
  },
  {
    name: "does not list accounts",
    ask: { ...get, verb: "list", resource: "serviceaccounts" },
    want: "can only create tokens for individual service accounts",
  },
  { name: "renews its own lease", ask: { ...lease, verb: "update", name: "a" }, want: true },
  {
    name: "renews no other lease",
    ask: { ...lease, verb: "update", name: "b" },
    want: "can only access node lease with the same name as the requesting node",
  },
  {
    name: "reads its own node",
    ask: { verb: "get", namespace: "", resource: "nodes", name: "a" },
    want: true,
  },
  {
    name: "reads no other node",
    ask: { verb: "get", namespace: "", resource: "nodes", name: "b" },
    want: "node 'a' cannot read 'b', only its own Node object",
  },
  {
    name: "does not list nodes",
    ask: { verb: "list", namespace: "", resource: "nodes" },
    want: "node 'a' cannot read all nodes, only its own Node object",
  },
  {
    name: "watches its own pods",
    ask: { verb: "watch", namespace: "", resource: "pods", fieldSelector: "spec.nodeName=a" },
    want: true,
  },
  {
    name: "does not watch another node's pods",
    ask: { verb: "watch", namespace: "", resource: "pods", fieldSelector: "spec.nodeName=b" },
    want: "can only list/watch pods with spec.nodeName field selector",
  },
  {
    name: "does not watch all pods but its own",
    ask: { verb: "watch", namespace: "", resource: "pods", fieldSelector: "spec.nodeName!=a" },
    want: "can only list/watch pods with spec.nodeName field selector",
  },
  { name: "reads its own pod", ask: { ...get, resource: "pods", name: "one" }, want: true },
  {
    name: "reads no other pod",
    ask: { ...get, resource: "pods", name: "two" },
    want: "no relationship found between node 'a' and this object",
  },
  {
    name: "writes pod status",
    ask: { ...get, verb: "patch", resource: "pods", subresource: "status", name: "one" },
    want: true,
  },
  {
    name: "reads services by the static rules",
    ask: { verb: "list", namespace: "", resource: "services" },
    want: true,
  },
  {
    name: "writes events by the static rules",
    ask: { ...get, verb: "create", resource: "events" },
    want: true,
  },
  { name: "deletes no node", ask: { verb: "delete", namespace: "", resource: "nodes", name: "a" }, want: "" },
] satisfies { name: string; ask: Partial<AuthorizationAttributes>; want: true | string }[]) {
  test(`Node authorizer: a node ${name}`, () => {
    const decision = authorizeNode(relations, {
      user: user("a"),
      isResourceRequest: true,
      apiGroup: "",
      apiVersion: "v1",
      subresource: "",
      name: "",
      path: "",
      ...ask,
    });
    if (want === true) assert.equal(decision.allowed, true, decision.reason);
    else assert.deepEqual(decision, { allowed: false, reason: want });
  });
}

test("Node authorizer: has no opinion on a user who is no member of system:nodes", () => {
  const attributes = {
    verb: "list",
    resource: "services",
    apiGroup: "",
    apiVersion: "v1",
    subresource: "",
    name: "",
    namespace: "",
    path: "",
    isResourceRequest: true,
  };
  const decision = authorizeNode(relations, { user: { name: "system:node:a", groups: [] }, ...attributes });
  assert.deepEqual(decision, { allowed: false, reason: "" });
});
