import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import type { ResourceClaim } from "../../api/resource/types.generated.ts";
import { events, pods, resourceClaims, resourceClaimTemplates } from "../../api/resources.generated.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { startWholeCluster, type WholeCluster } from "../test-support/whole-cluster.ts";
import { type ClaimUsersSnapshot, reconcileClaimUsers } from "./claim-users.ts";
import { type PodClaimsSnapshot, reconcilePodClaims } from "./pod-claims.ts";

const finalizer = "resource.kubernetes.io/delete-protection";
const user = (uid: string) => ({ resource: "pods", name: `pod-${uid}`, uid });
const allocation = { devices: { results: [] } };

function claim(
  status: ResourceClaim["status"],
  metadata: Partial<ResourceClaim["metadata"]> = {},
): ResourceClaim {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name: "gpu", namespace: "default", uid: "c", ...metadata },
    spec: {},
    ...(status === undefined ? {} : { status }),
  };
}

function written(intents: readonly Intent[]): unknown[] {
  return intents.map((intent) => {
    if (intent.action === "updateStatus") return { status: intent.status };
    if (intent.action === "update") return { finalizers: intent.object.metadata.finalizers };
    return describeIntent(intent);
  });
}

const users: readonly (ClaimUsersSnapshot & { readonly name: string; readonly want: readonly unknown[] })[] =
  [
    {
      name: "that all live stay",
      claim: claim({ allocation, reservedFor: [user("a")] }, { finalizers: [finalizer] }),
      living: new Set(["a"]),
      isOwnerDone: false,
      want: [],
    },
    {
      name: "that are gone are taken off",
      claim: claim({ allocation, reservedFor: [user("a"), user("b")] }, { finalizers: [finalizer] }),
      living: new Set(["b"]),
      isOwnerDone: false,
      want: [{ status: { allocation, reservedFor: [user("b")] } }],
    },
    {
      name: "give the devices back as the last goes",
      claim: claim(
        { allocation, reservedFor: [user("a")] },
        { finalizers: [finalizer, "example.com/other"] },
      ),
      living: new Set(),
      isOwnerDone: false,
      want: [{ status: {} }, { finalizers: ["example.com/other"] }],
    },
    {
      name: "of another allocator leave the devices as they are",
      claim: claim({ allocation, reservedFor: [user("a")] }),
      living: new Set(),
      isOwnerDone: false,
      want: [{ status: { allocation } }],
    },
    {
      name: "that never were do not hold a claim that is deleted",
      claim: claim({ allocation }, { finalizers: [finalizer], deletionTimestamp: "2026-01-01T00:00:00Z" }),
      living: new Set(),
      isOwnerDone: false,
      want: [{ status: {} }, { finalizers: [] }],
    },
    {
      name: "that are no pods are not judged",
      claim: claim({
        allocation,
        reservedFor: [{ ...user("a"), resource: "things", apiGroup: "example.com" }],
      }),
      living: new Set(),
      isOwnerDone: true,
      want: [],
    },
    {
      name: "whose claim was made for a pod that is done take the claim along",
      claim: claim({ allocation, reservedFor: [user("a")] }, { finalizers: [finalizer] }),
      living: new Set(),
      isOwnerDone: true,
      want: [{ status: {} }, { finalizers: [] }, "delete resourceclaims default/gpu"],
    },
  ];

for (const { name, want, ...snapshot } of users) {
  test(`Users of a claim ${name}`, () => {
    assert.deepEqual(written(reconcileClaimUsers(snapshot)), want);
  });
}

const longName = "p".repeat(60);

for (const { name, podName, entry, want } of [
  { name: "both names", podName: "web", entry: "gpu", want: "web-gpu-" },
  {
    name: "as much of both as has room",
    podName: longName,
    entry: "c".repeat(40),
    want: `${"p".repeat(28)}-${"c".repeat(27)}-`,
  },
  { name: "all of the shorter one", podName: longName, entry: "gpu", want: `${"p".repeat(52)}-gpu-` },
]) {
  test(`A generated claim's name has ${name}`, () => {
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: podName, namespace: "default", uid: "u" },
      spec: { containers: [], resourceClaims: [{ name: entry, resourceClaimTemplateName: "t" }] },
    };
    const template = {
      apiVersion: "resource.k8s.io/v1",
      kind: "ResourceClaimTemplate",
      metadata: {},
      spec: { spec: {} },
    };
    const snapshot: PodClaimsSnapshot = {
      pod,
      owned: [],
      claimOf: () => undefined,
      templateOf: () => template,
    };
    const [intent] = reconcilePodClaims(snapshot);
    assert.ok(intent?.action === "create");
    assert.equal(intent.object.metadata.generateName, want);
    assert.ok(want.length <= 57);
  });
}

let whole: WholeCluster;
before(async () => {
  whole = await startWholeCluster(1);
});
after(() => whole[Symbol.asyncDispose]());

const requests = [{ name: "gpu", exactly: { deviceClassName: "gpus" } }];

async function podWithTemplate(namespace: string): Promise<void> {
  await whole.namespace(namespace);
  await whole.client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "trainer", namespace },
    spec: {
      containers: [{ name: "c", image: "trainer:1", resources: { claims: [{ name: "gpu" }] } }],
      resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "gpus" }],
    },
  });
}

const addTemplate = (namespace: string) =>
  whole.client.create(resourceClaimTemplates, {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaimTemplate",
    metadata: { name: "gpus", namespace },
    spec: { metadata: { labels: { team: "a" } }, spec: { devices: { requests } } },
  });

const claimsIn = async (namespace: string) => (await whole.client.list(resourceClaims, { namespace })).items;

test("a pod's claim is made once its template is there, named in its status, and goes with it", async () => {
  const namespace = "generated";
  await podWithTemplate(namespace);
  await whole.until(async () =>
    (await whole.client.list(events, { namespace })).items.some(
      ({ reason }) => reason === "FailedResourceClaimCreation",
    ),
  );
  await addTemplate(namespace);
  const noted = async () =>
    (await whole.find(pods, namespace, "trainer"))?.status?.resourceClaimStatuses?.[0]?.resourceClaimName;
  await whole.until(async () => (await noted()) !== undefined);
  const [made, ...others] = await claimsIn(namespace);
  assert.deepEqual(others, []);
  assert.equal(made?.metadata.name, await noted());
  assert.match(made?.metadata.name ?? "", /^trainer-gpu-/);
  assert.deepEqual(
    [made?.metadata.labels, made?.metadata.annotations, made?.metadata.ownerReferences?.[0]?.name],
    [{ team: "a" }, { "resource.kubernetes.io/pod-claim-name": "gpu" }, "trainer"],
  );
  await whole.client.delete(pods, { namespace, name: "trainer" });
  await whole.until(async () => (await claimsIn(namespace)).length === 0);
});

test("a claim that is deleted under its pod is made anew", async () => {
  const namespace = "remade";
  await podWithTemplate(namespace);
  await addTemplate(namespace);
  await whole.until(async () => (await claimsIn(namespace)).length === 1);
  const [first] = await claimsIn(namespace);
  await whole.client.delete(resourceClaims, { namespace, name: first?.metadata.name ?? "" });
  await whole.until(async () => {
    const [now] = await claimsIn(namespace);
    const pod = await whole.client.get(pods, { namespace, name: "trainer" });
    const name = pod.status?.resourceClaimStatuses?.[0]?.resourceClaimName;
    return now !== undefined && now.metadata.uid !== first?.metadata.uid && name === now.metadata.name;
  });
});
