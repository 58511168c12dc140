import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Node, Pod } from "../api/core/types.generated.ts";
import {
  events,
  limitRanges,
  namespaces,
  nodes,
  pods,
  priorityClasses,
  replicaSets,
} from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { startCluster, type TestCluster } from "../testing/index.ts";

// The steps of upstream's end-to-end tests of the scheduler, in order and with their numbers.

let cluster: TestCluster;
before(async () => {
  cluster = await startCluster({ nodes: 2 });
});
after(() => cluster.close());

const until = (condition: () => Promise<boolean>, timeout = "5m") => cluster.until(condition, { timeout });

async function namespace(name: string): Promise<string> {
  await cluster.client.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name },
    spec: {},
  });
  return name;
}

type PodChanges = Partial<Pod["spec"]> & {
  readonly amounts?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: NonNullable<Pod["spec"]["containers"][number]["ports"]>;
};

function pausePod(
  space: string,
  name: string,
  { amounts, labels = {}, ports, ...spec }: PodChanges = {},
): Pod {
  const resources = amounts === undefined ? {} : { resources: { requests: amounts, limits: amounts } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: space, labels },
    spec: {
      containers: [{ name, image: "pause:3", ...resources, ...(ports === undefined ? {} : { ports }) }],
      terminationGracePeriodSeconds: 1,
      ...spec,
    },
  };
}

const createPod = (space: string, name: string, changes?: PodChanges) =>
  cluster.client.create(pods, pausePod(space, name, changes));
const find = async (space: string, name: string) =>
  (await cluster.client.list(pods, { namespace: space })).items.find(
    ({ metadata }) => metadata.name === name,
  );
const isRunning = (space: string, name: string) => async () =>
  (await find(space, name))?.status?.phase === "Running";
const remove = (space: string, name: string) =>
  cluster.client.delete(pods, { namespace: space, name }, { gracePeriodSeconds: 0 });

async function runPod(space: string, name: string, changes?: PodChanges): Promise<Pod> {
  const created = await createPod(space, name, changes);
  await until(isRunning(space, name));
  return (await find(space, name)) ?? created;
}

const nodeNames = async () =>
  (await cluster.client.list(nodes)).items.map(({ metadata: { name = "" } }) => name);
const label = (name: string, key: string, value: string | null) =>
  cluster.client.patch(nodes, { name }, { type: "merge", patch: { metadata: { labels: { [key]: value } } } });

/** As client-go makes the patch of a Node of which only the amounts are filled. */
const addResource = (name: string, resource: string, amount: string) =>
  cluster.client.patch(
    nodes,
    { name },
    {
      type: "strategic",
      patch: {
        metadata: {},
        spec: {},
        status: {
          capacity: { [resource]: amount },
          allocatable: { [resource]: amount },
          daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
          nodeInfo: {
            machineID: "",
            systemUUID: "",
            bootID: "",
            kernelVersion: "",
            osImage: "",
            containerRuntimeVersion: "",
            kubeletVersion: "",
            kubeProxyVersion: "",
            operatingSystem: "",
            architecture: "",
          },
        },
      },
    },
    { subresource: "status" },
  );

async function removeResource(name: string, resource: string): Promise<void> {
  for (;;) {
    const node = await cluster.client.get(nodes, { name });
    const without = (amounts: Readonly<Record<string, string>> = {}) =>
      Object.fromEntries(Object.entries(amounts).filter(([key]) => key !== resource));
    const { capacity, allocatable } = node.status ?? {};
    const status = { ...node.status, capacity: without(capacity), allocatable: without(allocatable) };
    try {
      await cluster.client.update(nodes, { ...node, status } as Node, { subresource: "status" });
      return;
    } catch (error) {
      if (!isApiError(error, "Conflict")) throw error;
    }
  }
}

async function addPriorities(levels: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, value] of Object.entries(levels)) {
    const metadata = { name };
    await cluster.client.create(priorityClasses, {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata,
      value,
    });
  }
}

/** Upstream looks for an event whose name begins with the pod's. */
async function failsToSchedule(space: string, name: string): Promise<string> {
  let message = "";
  await until(async () => {
    const found = (await cluster.client.list(events, { namespace: space })).items.find(
      (event) => (event.metadata.name ?? "").startsWith(name) && event.reason === "FailedScheduling",
    );
    message = found?.message ?? "";
    return found !== undefined;
  });
  assert.equal((await find(space, name))?.spec.nodeName, undefined);
  return message;
}

test("a pod that asks for more than is left anywhere waits and says so (Scheduler, resource limits)", async () => {
  const space = await namespace("limits");
  for (const name of await nodeNames()) await label(name, "node", name);
  let most = 0;
  for (const { metadata, status } of (await cluster.client.list(nodes)).items) {
    const milli = Number(status?.allocatable?.cpu ?? 0) * 1000;
    most = Math.max(most, milli);
    const values = [metadata.name ?? ""];
    const nodeSelectorTerms = [{ matchExpressions: [{ key: "node", operator: "In", values }] }];
    const affinity = {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    };
    await runPod(space, `filler-${metadata.name}`, {
      amounts: { cpu: `${Math.floor(milli * 0.7)}m` },
      affinity,
    });
  }
  await createPod(space, "additional-pod", {
    amounts: { cpu: `${most / 2}m` },
    labels: { name: "additional" },
  });
  assert.match(
    await failsToSchedule(space, "additional-pod"),
    /0\/2 nodes are available: 2 Insufficient cpu/,
  );
  for (const name of await nodeNames()) await label(name, "node", null);
  await cluster.client.deleteCollection(pods, { namespace: space }, { gracePeriodSeconds: 0 });
});

test("a node selector that no node meets keeps a pod waiting (Scheduler, node selector not matching)", async () => {
  const space = await namespace("restricted");
  await createPod(space, "restricted-pod", { nodeSelector: { label: "nonempty" } });
  const message = await failsToSchedule(space, "restricted-pod");
  assert.match(message, /2 node\(s\) didn't match Pod's node affinity\/selector/);
  await remove(space, "restricted-pod");
});

test("a node selector leads to its node (Scheduler, node selector matching)", async () => {
  const space = await namespace("matching");
  const { spec } = await runPod(space, "without-label");
  const nodeName = spec.nodeName ?? "";
  await remove(space, "without-label");
  await label(nodeName, "kubernetes.io/e2e-42", "42");
  const found = await runPod(space, "with-labels", { nodeSelector: { "kubernetes.io/e2e-42": "42" } });
  assert.equal(found.spec.nodeName, nodeName);
  await label(nodeName, "kubernetes.io/e2e-42", null);
});

test("a host port on all addresses is taken on each of them (Scheduling, HostPort and Protocol match, HostIPs different but one is default HostIP (0.0.0.0))", async () => {
  const space = await namespace("ports");
  const { spec, status } = await runPod(space, "without-label");
  const nodeName = spec.nodeName ?? "";
  await remove(space, "without-label");
  await label(nodeName, "kubernetes.io/e2e-95", "95");
  const nodeSelector = { "kubernetes.io/e2e-95": "95" };
  const port = (hostIP?: string) => ({
    nodeSelector,
    ports: [
      { hostPort: 54322, containerPort: 8080, protocol: "TCP", ...(hostIP === undefined ? {} : { hostIP }) },
    ],
  });
  await runPod(space, "pod4", port());
  await createPod(space, "pod5", port(status?.hostIP ?? "10.0.0.1"));
  assert.match(await failsToSchedule(space, "pod5"), /didn't have free ports for the requested pod ports/);
  await label(nodeName, "kubernetes.io/e2e-95", null);
  await cluster.client.deleteCollection(pods, { namespace: space }, { gracePeriodSeconds: 0 });
});

const foo = "scheduling.k8s.io/foo";

/** Two pods a node that take four of five; the first of all is of low priority. */
async function fillNodes(space: string): Promise<string[]> {
  const names: string[] = [];
  for (const [index, node] of (await nodeNames()).entries()) {
    await addResource(node, foo, "5");
    for (const each of [0, 1]) {
      const priorityClassName = names.length === 0 ? "e2e-low" : "e2e-medium";
      const name = `pod${index}-${each}-${priorityClassName}`;
      names.push(name);
      const matchFields = [{ key: "metadata.name", operator: "In", values: [node] }];
      const nodeAffinity = {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
      };
      await createPod(space, name, {
        amounts: { [foo]: "2" },
        priorityClassName,
        affinity: { nodeAffinity },
      });
    }
  }
  for (const name of names) await until(isRunning(space, name));
  return names;
}

async function onlyFirstIsGone(space: string, names: readonly string[]): Promise<void> {
  const gone = (pod: Pod | undefined) => pod === undefined || pod.metadata.deletionTimestamp !== undefined;
  const left = await Promise.all(names.map(async (name) => gone(await find(space, name))));
  assert.deepEqual(left, [true, ...names.slice(1).map(() => false)]);
}

async function forgetResource(resource: string): Promise<void> {
  for (const name of await nodeNames()) {
    await removeResource(name, resource);
    await cluster.advance("30s");
    const { status } = await cluster.client.get(nodes, { name });
    assert.equal(status?.capacity?.[resource], undefined, "the kubelet does not bring it back");
    assert.equal(status?.allocatable?.[resource], undefined);
    assert.notEqual(status?.nodeInfo?.kubeletVersion, "", "but what was wiped of its own");
  }
}

test("a pod of high priority takes the place of the lowest, and of no other (Scheduler, Basic Preemption)", async () => {
  const space = await namespace("preemption");
  await addPriorities({ "e2e-low": 1, "e2e-medium": 100, "e2e-high": 1000 });
  const names = await fillNodes(space);
  await runPod(space, "preemptor-pod", { amounts: { [foo]: "2" }, priorityClassName: "e2e-high" });
  await onlyFirstIsGone(space, names);
  await cluster.client.deleteCollection(pods, { namespace: space }, { gracePeriodSeconds: 0 });
  await forgetResource(foo);
});

test("a critical pod takes the place of the lowest, and of no other (Scheduler, Preemption for critical pod)", async () => {
  const space = await namespace("critical");
  const names = await fillNodes(space);
  const priorityClassName = "system-cluster-critical";
  await runPod("kube-system", "critical-pod", { amounts: { [foo]: "2" }, priorityClassName });
  await onlyFirstIsGone(space, names);
  await remove("kube-system", "critical-pod");
  await cluster.client.deleteCollection(pods, { namespace: space }, { gracePeriodSeconds: 0 });
  await forgetResource(foo);
});

test("a preempted pod says why it goes while a finalizer holds it (Verify the DisruptionTarget condition is added to the preempted pod)", async () => {
  const space = await namespace("victims");
  const [node = ""] = await nodeNames();
  await addResource(node, foo, "1");
  const held = pausePod(space, "victim-pod", { amounts: { [foo]: "1" }, priorityClassName: "e2e-low" });
  const finalizers = ["example.com/test-finalizer"];
  await cluster.client.create(pods, { ...held, metadata: { ...held.metadata, finalizers } });
  await until(isRunning(space, "victim-pod"));
  await createPod(space, "preemptor-pod", { amounts: { [foo]: "1" }, priorityClassName: "e2e-high" });
  await until(isRunning(space, "preemptor-pod"));
  const conditions = (await find(space, "victim-pod"))?.status?.conditions ?? [];
  const condition = conditions.find(({ type }) => type === "DisruptionTarget");
  assert.deepEqual([condition?.status, condition?.reason], ["True", "PreemptionByScheduler"]);
  const patch = { metadata: { finalizers: null } };
  await cluster.client.patch(pods, { namespace: space, name: "victim-pod" }, { type: "merge", patch });
  await cluster.client.deleteCollection(pods, { namespace: space }, { gracePeriodSeconds: 0 });
  await forgetResource(foo);
});

test("no more pods are preempted than have to be, however often they come back (Pod preemption verification)", async () => {
  const space = await namespace("path");
  const fakecpu = "example.com/fakecpu";
  const [node = ""] = await nodeNames();
  await addResource(node, fakecpu, "1000");
  await addPriorities({ p1: 1, p2: 2, p3: 3, p4: 4 });
  const nodeSelector = { "kubernetes.io/hostname": node };
  const seen = new Map<string, number>();
  const abort = new AbortController();
  const { metadata } = await cluster.client.list(pods, { namespace: space });
  const resourceVersion = metadata.resourceVersion ?? "";
  const watch = await cluster.client.watch(pods, { namespace: space, resourceVersion, signal: abort.signal });
  const counting = (async () => {
    for await (const batch of watch)
      for (const { type, object } of batch) {
        if (type !== "ADDED") continue;
        const name = (object as Pod).metadata.name?.slice(0, "rs-pod1".length) ?? "";
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
  })().catch(() => undefined);
  for (const [name, amount, priorityClassName] of [
    ["pod1", "200", "p1"],
    ["pod2", "300", "p2"],
    ["pod3", "450", "p3"],
  ] as const) {
    const labels = { name };
    const { spec } = pausePod(space, name, {
      amounts: { [fakecpu]: amount },
      priorityClassName,
      nodeSelector,
    });
    await cluster.client.create(replicaSets, {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: `rs-${name}`, namespace: space },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    await until(async () => {
      const set = await cluster.client.get(replicaSets, { namespace: space, name: `rs-${name}` });
      return set.status?.availableReplicas === 1;
    });
  }
  await createPod(space, "pod4", { amounts: { [fakecpu]: "500" }, priorityClassName: "p4", nodeSelector });
  await until(async () => ((await find(space, "pod4"))?.spec.nodeName ?? "") !== "", "1m");
  await cluster.advance("1m");
  assert.deepEqual(
    ["rs-pod1", "rs-pod2", "rs-pod3"].map((name) => seen.get(name)),
    [2, 2, 1],
  );
  abort.abort();
  await counting;
  await cluster.client.deleteCollection(
    replicaSets,
    { namespace: space },
    { propagationPolicy: "Background" },
  );
  await cluster.client.deleteCollection(pods, { namespace: space }, { gracePeriodSeconds: 0 });
});

test("a priority's value is fixed, its description is not (Scheduler, Verify PriorityClass endpoints)", async () => {
  await addPriorities({ "e2e-p1": 1, "e2e-p2": 2 });
  const patch = (name: string, change: object) =>
    cluster.client.patch(priorityClasses, { name }, { type: "strategic", patch: change });
  const get = (name: string) => cluster.client.get(priorityClasses, { name });
  await assert.rejects(patch("e2e-p1", { value: 10 }), /value/);
  await assert.rejects(
    cluster.client.update(priorityClasses, { ...(await get("e2e-p2")), value: 20 }),
    /value/,
  );
  const description = "updated description";
  await patch("e2e-p1", { description });
  // Without a version: the object as its creator still has it.
  const { metadata, ...rest } = await get("e2e-p2");
  await cluster.client.update(priorityClasses, { ...rest, metadata, description });
  for (const [name, value] of [
    ["e2e-p1", 1],
    ["e2e-p2", 2],
  ] as const) {
    const live = await get(name);
    assert.deepEqual([live.value, live.description], [value, description]);
  }
});

test("two nodes are ready and take pods (Conformance tests minimum number of nodes.)", async () => {
  const { items } = await cluster.client.list(nodes);
  const takesPods = ({ spec, status }: Node) =>
    spec?.unschedulable !== true &&
    !(spec?.taints ?? []).some(({ effect }) => effect !== "PreferNoSchedule") &&
    status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
  assert.ok(items.filter(takesPods).length >= 2);
});

const amounts = (cpu: string, memory: string, storage: string) =>
  Object.fromEntries(
    [
      ["cpu", cpu],
      ["memory", memory],
      ["ephemeral-storage", storage],
    ].filter(([, amount]) => amount !== ""),
  );

test("a limit range fills, bounds and lets go at once when it goes (LimitRange, resources)", async () => {
  const space = await namespace("limit-range");
  const bounds = {
    type: "Container",
    min: amounts("50m", "100Mi", "100Gi"),
    max: amounts("500m", "500Mi", "500Gi"),
    default: amounts("500m", "500Mi", "500Gi"),
    defaultRequest: amounts("100m", "200Mi", "200Gi"),
    maxLimitRequestRatio: {},
  };
  const metadata = { name: "limit-range", namespace: space, labels: { time: "1" } };
  const range = await cluster.client.create(limitRanges, {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata,
    spec: { limits: [bounds] },
  });
  type Amounts = Readonly<Record<string, string>>;
  const create = (name: string, requests: Amounts, limits: Amounts) => {
    const shape = pausePod(space, name);
    const containers = shape.spec.containers.map((each) => ({ ...each, resources: { requests, limits } }));
    return cluster.client.create(pods, { ...shape, spec: { ...shape.spec, containers } });
  };
  const resourcesOf = ({ spec }: Pod) => spec.containers[0]?.resources;
  assert.deepEqual(resourcesOf(await create("pod-no-resources", {}, {})), {
    requests: bounds.defaultRequest,
    limits: bounds.default,
  });
  const partial = await create(
    "pod-partial-resources",
    amounts("", "150Mi", "150Gi"),
    amounts("300m", "", ""),
  );
  assert.deepEqual(resourcesOf(partial), {
    requests: amounts("300m", "150Mi", "150Gi"),
    limits: amounts("300m", "500Mi", "500Gi"),
  });
  await assert.rejects(create("pfpod", amounts("10m", "50Mi", "50Gi"), {}), /minimum/);
  await assert.rejects(create("pfpod", amounts("600m", "600Mi", "600Gi"), {}));
  const [limit = bounds] = range.spec?.limits ?? [];
  const newMin = amounts("9m", "49Mi", "49Gi");
  await cluster.client.update(limitRanges, { ...range, spec: { limits: [{ ...limit, min: newMin }] } });
  await create("pfpod", amounts("10m", "50Mi", "50Gi"), {});
  await assert.rejects(create("pfpod3", amounts("600m", "600Mi", "600Gi"), {}));
  await cluster.client.delete(
    limitRanges,
    { namespace: space, name: "limit-range" },
    { gracePeriodSeconds: 30 },
  );
  await create("pfpod2", amounts("600m", "600Mi", "600Gi"), {});
  await cluster.client.deleteCollection(pods, { namespace: space }, { gracePeriodSeconds: 0 });
});

test("limit ranges are patched, and deleted by label in one namespace (LimitRange, list, patch and delete a LimitRange by collection)", async () => {
  const [space, other] = [await namespace("ranges"), await namespace("ranges-2")];
  const name = "e2e-limitrange";
  const limits = [
    { type: "Container", min: amounts("50m", "100Mi", "100Gi"), max: amounts("500m", "500Mi", "500Gi") },
  ];
  for (const each of [space, other]) {
    const labels = { "e2e-test": name, [name]: "created" };
    const metadata = { name, namespace: each, labels };
    await cluster.client.create(limitRanges, {
      apiVersion: "v1",
      kind: "LimitRange",
      metadata,
      spec: { limits },
    });
  }
  const count = async (labelSelector: string) =>
    (await cluster.client.list(limitRanges, { labelSelector })).items.length;
  assert.equal(await count(`e2e-test=${name}`), 2);
  const { metadata, spec } = await cluster.client.get(limitRanges, { namespace: space, name });
  const min = amounts("9m", "49Mi", "49Gi");
  const patch = {
    metadata: { creationTimestamp: metadata.creationTimestamp, labels: { [name]: "patched" } },
    spec: { limits: (spec?.limits ?? []).map((each) => ({ ...each, min })) },
  };
  const patched = await cluster.client.patch(
    limitRanges,
    { namespace: space, name },
    { type: "strategic", patch },
  );
  assert.deepEqual(patched.spec?.limits?.[0]?.min, min);
  await cluster.client.deleteCollection(limitRanges, { namespace: space, labelSelector: `${name}=patched` });
  assert.deepEqual([await count(`${name}=patched`), await count(`e2e-test=${name}`)], [0, 1]);
});
