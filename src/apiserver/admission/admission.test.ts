import assert from "node:assert/strict";
import { test } from "node:test";
import type { AdmissionPlugin } from "../stages.ts";
import { certificateApproval, certificateRequestor, certificateSubjectRestriction } from "./certificates.ts";
import { limitRanger } from "./limit-ranger.ts";
import { defaultTolerationSeconds, taintNodesByCondition } from "./pod-defaults.ts";
import { priority } from "./priority.ts";
import { runtimeClassPlugin } from "./runtime-class.ts";
import { serviceAccountPlugin } from "./service-account.ts";
import {
  claimResize,
  defaultIngressClass,
  defaultStorageClass,
  storageObjectInUseProtection,
} from "./storage-plugins.ts";
import { admitted, attributesFor, fixedDependencies, object, podOf } from "./test-support.ts";

/** The value at a path such as "spec.volumes.0.name"; a refusal is returned as it is. */
function at(result: unknown, path: string): unknown {
  if (typeof result === "string") return result;
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], result);
}

interface Case {
  readonly name: string;
  readonly given: object;
  readonly path: string;
  readonly want: unknown;
}

function table(
  title: string,
  plugin: AdmissionPlugin,
  resource: string,
  group: string,
  cases: readonly Case[],
): void {
  for (const { name, given, path, want } of cases) {
    test(`${title} ${name}`, async () => {
      const attributes = attributesFor(resource, given, { resource: { group, version: "v1", resource } });
      assert.deepEqual(at(await admitted(plugin, attributes), path), want);
    });
  }
}

const classOf = (kind: string, name: string, fields: object) => object(kind, name, fields);
const withPriorities = fixedDependencies({
  priorityclasses: [
    classOf("PriorityClass", "high", { value: 1000 }),
    classOf("PriorityClass", "polite", { value: 10, preemptionPolicy: "Never" }),
    classOf("PriorityClass", "usual", { value: 5, globalDefault: true }),
    classOf("PriorityClass", "lower", { value: 2, globalDefault: true }),
  ],
});
table("Priority", priority(withPriorities), "pods", "", [
  {
    name: "resolves a class",
    given: podOf({ priorityClassName: "high" }),
    path: "spec.priority",
    want: 1000,
  },
  {
    name: "copies the class's policy",
    given: podOf({ priorityClassName: "polite" }),
    path: "spec.preemptionPolicy",
    want: "Never",
  },
  { name: "takes the lowest default", given: podOf(), path: "spec.priorityClassName", want: "lower" },
  {
    name: "accepts the number that the class has",
    given: podOf({ priorityClassName: "high", priority: 1000 }),
    path: "spec.priority",
    want: 1000,
  },
  {
    name: "refuses another number",
    given: podOf({ priorityClassName: "high", priority: 7 }),
    path: "",
    want: 'pods "p" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
  },
  {
    name: "refuses a class that is not there",
    given: podOf({ priorityClassName: "none" }),
    path: "",
    want: 'pods "p" is forbidden: no PriorityClass with name none was found',
  },
]);
table("Priority", priority(withPriorities), "priorityclasses", "scheduling.k8s.io", [
  {
    name: "allows one default only",
    given: classOf("PriorityClass", "new", { value: 1, globalDefault: true }),
    path: "",
    want: 'priorityclasses.scheduling.k8s.io "new" is forbidden: PriorityClass lower is already marked as default. Only one default can exist',
  },
]);

const withAccounts = fixedDependencies({
  serviceaccounts: [
    object("ServiceAccount", "default", { imagePullSecrets: [{ name: "registry" }] }, { namespace: "ns" }),
    object("ServiceAccount", "quiet", { automountServiceAccountToken: false }, { namespace: "ns" }),
  ],
});
const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const mirror = { annotations: { "kubernetes.io/config.mirror": "x" } };
table("ServiceAccount", serviceAccountPlugin(withAccounts), "pods", "", [
  { name: "names the default account", given: podOf(), path: "spec.serviceAccountName", want: "default" },
  {
    name: "asks for a token of an hour",
    given: podOf(),
    path: "spec.volumes.0.projected.sources.0.serviceAccountToken",
    want: { expirationSeconds: 3607, path: "token" },
  },
  {
    name: "adds the account's pull secrets",
    given: podOf(),
    path: "spec.imagePullSecrets",
    want: [{ name: "registry" }],
  },
  {
    name: "keeps the pod's own pull secrets",
    given: podOf({ imagePullSecrets: [{ name: "own" }] }),
    path: "spec.imagePullSecrets",
    want: [{ name: "own" }],
  },
  {
    name: "mounts no token when the account says no",
    given: podOf({ serviceAccountName: "quiet" }),
    path: "spec.volumes",
    want: undefined,
  },
  {
    name: "mounts a token when the pod says yes all the same",
    given: podOf({ serviceAccountName: "quiet", automountServiceAccountToken: true }),
    path: "spec.volumes.length",
    want: 1,
  },
  {
    name: "mounts into init containers too",
    given: podOf({ initContainers: [{ name: "i", image: "i" }] }),
    path: "spec.initContainers.0.volumeMounts.0.mountPath",
    want: tokenPath,
  },
  {
    name: "adds no volume where every container has its own mount",
    given: podOf({
      containers: [{ name: "c", image: "i", volumeMounts: [{ name: "own", mountPath: tokenPath }] }],
    }),
    path: "spec.volumes",
    want: undefined,
  },
  {
    name: "leaves mirror pods alone",
    given: podOf({}, mirror),
    path: "spec.serviceAccountName",
    want: undefined,
  },
  {
    name: "refuses a mirror pod with an account",
    given: podOf({ serviceAccountName: "default" }, mirror),
    path: "",
    want: 'pods "p" is forbidden: a mirror pod may not reference service accounts',
  },
]);

const tolerations = (...keys: string[]) =>
  keys.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }));
table("DefaultTolerationSeconds", defaultTolerationSeconds(), "pods", "", [
  {
    name: "adds both tolerations",
    given: podOf(),
    path: "spec.tolerations",
    want: tolerations("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"),
  },
  {
    name: "adds none to a pod that tolerates everything",
    given: podOf({ tolerations: [{ operator: "Exists" }] }),
    path: "spec.tolerations.length",
    want: 1,
  },
  {
    name: "keeps what the pod says of one of them",
    given: podOf({
      tolerations: [
        {
          key: "node.kubernetes.io/not-ready",
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: 5,
        },
      ],
    }),
    path: "spec.tolerations.0.tolerationSeconds",
    want: 5,
  },
]);
table(
  "DefaultTolerationSeconds with seconds of flags",
  defaultTolerationSeconds({ notReady: 7, unreachable: -1 }),
  "pods",
  "",
  [
    {
      name: "for nodes that are not ready",
      path: "spec.tolerations.0.tolerationSeconds",
      given: podOf(),
      want: 7,
    },
    { name: "for nodes not reached", path: "spec.tolerations.1.tolerationSeconds", given: podOf(), want: -1 },
  ],
);
table("TaintNodesByCondition", taintNodesByCondition(), "nodes", "", [
  {
    name: "taints a new node",
    given: object("Node", "a", { spec: {} }),
    path: "spec.taints",
    want: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }],
  },
]);

const runtimes = fixedDependencies({
  runtimeclasses: [
    classOf("RuntimeClass", "vm", {
      handler: "vm",
      overhead: { podFixed: { memory: "64Mi" } },
      scheduling: { nodeSelector: { vm: "yes" }, tolerations: [{ key: "vm", operator: "Exists" }] },
    }),
  ],
});
table("RuntimeClass", runtimeClassPlugin(runtimes), "pods", "", [
  {
    name: "adds the overhead (RuntimeClass Overhead field must be respected.)",
    given: podOf({ runtimeClassName: "vm" }),
    path: "spec.overhead",
    want: { memory: "64Mi" },
  },
  {
    name: "adds where the class runs",
    given: podOf({ runtimeClassName: "vm", nodeSelector: { a: "b" } }),
    path: "spec.nodeSelector",
    want: { a: "b", vm: "yes" },
  },
  {
    name: "adds its tolerations",
    given: podOf({ runtimeClassName: "vm" }),
    path: "spec.tolerations",
    want: [{ key: "vm", operator: "Exists" }],
  },
  {
    name: "refuses a pod that wants to run elsewhere",
    given: podOf({ runtimeClassName: "vm", nodeSelector: { vm: "no" } }),
    path: "",
    want: 'pods "p" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no',
  },
  {
    name: "refuses a class that was deleted (Pod with the deleted RuntimeClass is rejected.)",
    given: podOf({ runtimeClassName: "gone" }),
    path: "",
    want: 'pods "p" is forbidden: pod rejected: RuntimeClass "gone" not found',
  },
  {
    name: "refuses overhead without a class",
    given: podOf({ overhead: { memory: "1Mi" } }),
    path: "",
    want: 'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  },
]);

const isDefault = { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } };
const storage = fixedDependencies({
  storageclasses: [
    object("StorageClass", "old", {}, { ...isDefault, creationTimestamp: "2026-01-01T00:00:00Z" }),
    object(
      "StorageClass",
      "new",
      { allowVolumeExpansion: true },
      { ...isDefault, creationTimestamp: "2026-02-01T00:00:00Z" },
    ),
  ],
  ingressclasses: [
    object(
      "IngressClass",
      "nginx",
      {},
      { annotations: { "ingressclass.kubernetes.io/is-default-class": "true" } },
    ),
  ],
});
const claim = (spec: object, status?: object) =>
  object("PersistentVolumeClaim", "c", { spec, ...(status && { status }) });
table("DefaultStorageClass", defaultStorageClass(storage), "persistentvolumeclaims", "", [
  { name: "gives the newest default", given: claim({}), path: "spec.storageClassName", want: "new" },
  {
    name: "leaves a claim that wants none",
    given: claim({ storageClassName: "" }),
    path: "spec.storageClassName",
    want: "",
  },
]);
table("DefaultIngressClass", defaultIngressClass(storage), "ingresses", "networking.k8s.io", [
  {
    name: "gives the default class",
    given: object("Ingress", "i", { spec: {} }),
    path: "spec.ingressClassName",
    want: "nginx",
  },
  {
    name: "leaves an annotated ingress",
    given: object("Ingress", "i", { spec: {} }, { annotations: { "kubernetes.io/ingress.class": "x" } }),
    path: "spec.ingressClassName",
    want: undefined,
  },
]);
table("StorageObjectInUseProtection", storageObjectInUseProtection(), "persistentvolumeclaims", "", [
  {
    name: "adds the finalizer",
    given: claim({}),
    path: "metadata.finalizers",
    want: ["kubernetes.io/pvc-protection"],
  },
]);

const sized = (size: string, storageClassName = "new") => ({
  storageClassName,
  resources: { requests: { storage: size } },
});
for (const { name, next, old, want } of [
  {
    name: "lets a bound claim grow",
    next: claim(sized("2Gi")),
    old: claim(sized("1Gi"), { phase: "Bound" }),
    want: "c",
  },
  {
    name: "refuses to grow one that is not bound",
    next: claim(sized("2Gi")),
    old: claim(sized("1Gi"), { phase: "Pending" }),
    want: 'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded',
  },
  {
    name: "refuses where the class cannot",
    next: claim(sized("2Gi", "old")),
    old: claim(sized("1Gi", "old"), { phase: "Bound" }),
    want: 'persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  },
]) {
  test(`PersistentVolumeClaimResize ${name}`, async () => {
    const result = await admitted(
      claimResize(storage),
      attributesFor("persistentvolumeclaims", next, { oldObject: old as never }),
    );
    assert.equal(typeof result === "string" ? result : result.metadata.name, want);
  });
}

const limits = (...items: object[]) =>
  limitRanger(
    fixedDependencies({
      limitranges: [object("LimitRange", "l", { spec: { limits: items } }, { namespace: "ns" })],
    }),
  );
const resources = (requests: object, limit: object = {}) =>
  podOf({ containers: [{ name: "c", image: "i", resources: { requests, limits: limit } }] });
const defaults = {
  type: "Container",
  default: { cpu: "500m", memory: "64Mi" },
  defaultRequest: { cpu: "100m" },
};
table("LimitRanger", limits(defaults), "pods", "", [
  {
    name: "fills defaults (LimitRange, resources)",
    given: podOf(),
    path: "spec.containers.0.resources",
    want: { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "100m" } },
  },
  {
    name: "keeps what the pod says",
    given: resources({ cpu: "1" }, { cpu: "2" }),
    path: "spec.containers.0.resources.requests.cpu",
    want: "1",
  },
  {
    name: "notes what it did",
    given: podOf(),
    path: "metadata.annotations",
    want: {
      "kubernetes.io/limit-ranger":
        "LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c",
    },
  },
]);
const bounds = {
  type: "Container",
  min: { memory: "50Mi" },
  max: { memory: "100Mi" },
  maxLimitRequestRatio: { memory: "2" },
};
table("LimitRanger", limits(bounds), "pods", "", [
  {
    name: "accepts a container within its bounds",
    given: resources({ memory: "60Mi" }, { memory: "90Mi" }),
    path: "metadata.name",
    want: "p",
  },
  {
    name: "refuses too little",
    given: resources({ memory: "10Mi" }, { memory: "20Mi" }),
    path: "",
    want: 'pods "p" is forbidden: minimum memory usage per Container is 50Mi, but request is 10Mi',
  },
  {
    name: "refuses too much",
    given: resources({ memory: "80Mi" }, { memory: "120Mi" }),
    path: "",
    want: 'pods "p" is forbidden: maximum memory usage per Container is 100Mi, but limit is 120Mi',
  },
  {
    name: "refuses a container that says nothing",
    given: podOf(),
    path: "",
    want: 'pods "p" is forbidden: [minimum memory usage per Container is 50Mi.  No request is specified, maximum memory usage per Container is 100Mi.  No limit is specified, memory max limit to request ratio per Container is 2, but no request is specified or request is 0]',
  },
]);
table("LimitRanger", limits({ type: "Pod", max: { cpu: "1" } }), "pods", "", [
  {
    name: "adds a pod's containers up",
    given: podOf({
      containers: ["a", "b"].map((name) => ({ name, image: "i", resources: { limits: { cpu: "600m" } } })),
    }),
    path: "",
    want: 'pods "p" is forbidden: maximum cpu usage per Pod is 1, but limit is 1200m',
  },
]);

const csr = (signerName: string) =>
  object("CertificateSigningRequest", "x", { spec: { signerName, request: btoa("pem") } });
const csrResource = { group: "certificates.k8s.io", version: "v1", resource: "certificatesigningrequests" };
for (const { name, allowed, want } of [
  { name: "by the signer's name", allowed: "kubernetes.io/kubelet-serving", want: "x" },
  { name: "by the signer's domain", allowed: "kubernetes.io/*", want: "x" },
  {
    name: "not at all without the right",
    allowed: "",
    want: 'certificatesigningrequests.certificates.k8s.io "x" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kubelet-serving"',
  },
]) {
  test(`CertificateApproval lets a user approve ${name}`, async () => {
    const plugin = certificateApproval({
      authorize: ({ verb, resource, name: signer }) => ({
        allowed: verb === "approve" && resource === "signers" && signer === allowed,
        reason: "",
      }),
    });
    const request = csr("kubernetes.io/kubelet-serving");
    const attributes = attributesFor("", request, {
      resource: csrResource,
      subresource: "approval",
      oldObject: request as never,
    });
    const result = await admitted(plugin, attributes);
    assert.equal(typeof result === "string" ? result : result.metadata.name, want);
  });
}

test("CertificateSubjectRestriction lets nobody become system:masters", async () => {
  const plugin = certificateSubjectRestriction(async () => ({
    commonName: "x",
    organizations: ["system:masters"],
  }));
  const ask = (signer: string) => admitted(plugin, attributesFor("", csr(signer), { resource: csrResource }));
  assert.match(
    String(await ask("kubernetes.io/kube-apiserver-client")),
    /with system:masters group is not allowed/,
  );
  assert.equal(typeof (await ask("example.com/mine")), "object");
});

test("a signing request says who asked for it, whatever the client said", async () => {
  const given = object("CertificateSigningRequest", "x", {
    spec: {
      signerName: "example.com/mine",
      request: "",
      username: "system:node:a",
      groups: ["system:masters"],
    },
  });
  const result = await admitted(certificateRequestor(), attributesFor("", given, { resource: csrResource }));
  assert.deepEqual(at(result, "spec"), {
    signerName: "example.com/mine",
    request: "",
    username: "jane",
    groups: ["system:authenticated"],
  });
});
