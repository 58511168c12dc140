/** Nodes, namespaces, quotas, limit ranges, endpoints, events and replication controllers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  type ChangeCase,
  created,
  createErrors,
  definitionOf,
  frozen,
  lines,
  objectOf,
  type Parts,
  type RefusedCase,
  rowOf,
  secondsAgo,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

test("what a node has is what can be used of it, and its first range is its range", () => {
  const parts = { spec: { podCIDRs: ["10.1.0.0/24"] }, status: { capacity: { cpu: "4" } } };
  const { spec, status } = withDefaults(objectOf("v1", "Node", parts));
  assert.deepEqual(spec, { podCIDR: "10.1.0.0/24", podCIDRs: ["10.1.0.0/24"] });
  assert.deepEqual(status, { capacity: { cpu: "4" }, allocatable: { cpu: "4" } });
});

test("a new namespace is active, named by its label and kept until it is emptied", () => {
  const { metadata, spec, status } = created("v1", "Namespace", {
    metadata: { name: "team" },
    status: { phase: "Terminating" },
  });
  assert.deepEqual(metadata.labels, { "kubernetes.io/metadata.name": "team" });
  assert.deepEqual([spec, status], [{ finalizers: ["kubernetes"] }, { phase: "Active" }]);
});

test("an update of a namespace leaves what must be done before it goes", () => {
  const { strategy } = definitionOf("v1", "Namespace");
  const old = created("v1", "Namespace", {});
  assert.deepEqual(strategy.prepareForUpdate?.({ ...old, spec: { finalizers: [] } }, old).spec, {
    finalizers: ["kubernetes"],
  });
  const wrong = frozen({ ...old, spec: { finalizers: ["mine"] } });
  assertLines(lines(strategy.validateSubresourceUpdate?.("finalize", wrong, old) ?? []), [
    'spec.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ]);
});

test("Namespace, apply finalizer to a namespace: fully qualified names are right", () => {
  const { strategy } = definitionOf("v1", "Namespace");
  const old = created("v1", "Namespace", {});
  const object = frozen({ ...old, spec: { finalizers: ["kubernetes", "e2e.example.com/fakeFinalizer"] } });
  assertLines(lines(strategy.validateSubresourceUpdate?.("finalize", object, old) ?? []), []);
});

const container = { type: "Container", max: { cpu: "2" }, min: { cpu: "100m" } };

test("LimitRange, resources: limits of containers are defaults of containers", () => {
  const { spec } = withDefaults(
    objectOf("v1", "LimitRange", { spec: { limits: [container, { type: "Pod", max: { cpu: "4" } }] } }),
  );
  assert.deepEqual(spec, {
    limits: [
      { ...container, default: { cpu: "2" }, defaultRequest: { cpu: "2" } },
      { type: "Pod", max: { cpu: "4" } },
    ],
  });
});

const subset = { addresses: [{ ip: "10.1.0.1" }], ports: [{ port: 80 }] };

for (const { kind, name, spec, parts, want } of [
  {
    kind: "Node",
    name: "with one taint twice",
    spec: {
      taints: [
        { key: "a", effect: "NoSchedule" },
        { key: "a", value: "b", effect: "NoSchedule" },
        { key: "b" },
      ],
    },
    want: [
      /^metadata\.taints\[1\]: Duplicate value: .*: taints must be unique by key and effect pair$/,
      "metadata.taints[2].effect: Required value",
    ],
  },
  {
    kind: "Node",
    name: "with taints in an annotation that are none",
    parts: { metadata: { annotations: { "scheduler.alpha.kubernetes.io/taints": '{"key":"a"}' } } },
    want: [
      'metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/taints": json: cannot unmarshal object into Go value of type []core.Taint',
    ],
  },
  {
    kind: "Node",
    name: "with two ranges of one family",
    spec: { podCIDRs: ["10.1.0.0/24", "10.2.0.0/24"] },
    want: [
      'spec.podCIDRs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  },
  {
    kind: "ResourceQuota",
    name: "of common things",
    spec: { hard: { pods: "5", "requests.cpu": "1", "count/jobs.batch": "2" } },
    want: [],
  },
  {
    kind: "ResourceQuota",
    name: "of what is not counted",
    spec: { hard: { dreams: "1", pods: "1500m" } },
    want: [
      'spec.hard[dreams]: Invalid value: "dreams": must be a standard resource type or fully qualified',
      'spec.hard[dreams]: Invalid value: "dreams": must be a standard resource for quota',
      'spec.hard[pods]: Invalid value: "1500m": must be an integer',
    ],
  },
  {
    kind: "ResourceQuota",
    name: "of opposites (ResourceQuota, quota scope, BestEffort and NotBestEffort scope)",
    spec: { hard: { pods: "1" }, scopes: ["BestEffort", "NotBestEffort"] },
    want: ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
  },
  {
    kind: "ResourceQuota",
    name: "of cpu that nobody requests",
    spec: { hard: { cpu: "1" }, scopes: ["BestEffort"] },
    want: ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  },
  {
    kind: "LimitRange",
    name: "with less at most than at least",
    spec: { limits: [{ type: "Pod", max: { cpu: "1" }, min: { cpu: "2" } }] },
    want: ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
  },
  {
    kind: "LimitRange",
    name: "with defaults of pods, twice",
    spec: { limits: [{ type: "Pod", default: { cpu: "1" } }, { type: "Pod" }] },
    want: [
      "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
      'spec.limits[1].type: Duplicate value: "Pod"',
    ],
  },
  {
    kind: "LimitRange",
    name: "of an unknown kind",
    spec: { limits: [{ type: "Cat" }] },
    want: ['spec.limits[0].type: Invalid value: "Cat": must be a standard limit type or fully qualified'],
  },
  { kind: "Endpoints", name: "with an address and a port", parts: { subsets: [subset] }, want: [] },
  {
    kind: "Endpoints",
    name: "with addresses nobody has",
    parts: {
      subsets: [
        { addresses: [{ ip: "127.0.0.1" }, { ip: "x" }], ports: [{ port: 1 }, { port: 2, name: "b" }] },
        {},
      ],
    },
    want: [
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'subsets[0].addresses[1].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'subsets[0].addresses[1].ip: Invalid value: "x": must be a valid IP address',
      "subsets[0].ports[0].name: Required value",
      "subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`",
    ],
  },
  {
    kind: "Event",
    name: "about something beside it",
    parts: { involvedObject: { namespace: "ns", kind: "Pod" } },
    want: [],
  },
  {
    kind: "Event",
    name: "about something elsewhere",
    parts: { involvedObject: { namespace: "other", kind: "Pod" } },
    want: ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  },
  {
    kind: "Event",
    name: "about a node, in the default namespace",
    parts: { metadata: { namespace: "default" }, involvedObject: { kind: "Node" } },
    want: [],
  },
  {
    kind: "ReplicationController",
    name: "without a selector and pods",
    spec: { replicas: -1 },
    want: [
      "spec.selector: Required value",
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
      "spec.template: Required value",
    ],
  },
  {
    kind: "ReplicationController",
    name: "without a selector and labels",
    spec: { template: { spec: { containers: [{ name: "main", image: "nginx" }] } } },
    want: ["spec.selector: Required value"],
  },
  {
    kind: "ReplicationController",
    name: "whose pods have no labels",
    spec: {
      selector: { app: "web" },
      template: { spec: { containers: [{ name: "main", image: "nginx" }] } },
    },
    want: ["spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"],
  },
] as readonly (RefusedCase & { kind: string })[])
  test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors("v1", kind, parts ?? { spec }), want);
  });

for (const { kind, name, before, after, want } of [
  { kind: "Node", name: "whether it takes pods", after: { spec: { unschedulable: true } }, want: [] },
  {
    kind: "Node",
    name: "its range",
    before: { spec: { podCIDR: "10.1.0.0/24" } },
    after: { spec: { podCIDR: "10.2.0.0/24" } },
    want: ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  },
  {
    kind: "Node",
    name: "its machine",
    before: { spec: { providerID: "a" } },
    after: { spec: { providerID: "b" } },
    want: ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'],
  },
  {
    kind: "Node",
    name: "its configuration, where it has none",
    before: {},
    after: { spec: { configSource: { configMap: {} } } },
    want: [],
  },
  {
    kind: "ResourceQuota",
    name: "its scopes",
    before: { spec: { scopes: ["BestEffort"] } },
    after: { spec: { scopes: ["NotBestEffort"] } },
    want: ['spec.scopes: Invalid value: ["NotBestEffort"]: field is immutable'],
  },
  {
    kind: "ResourceQuota",
    name: "its limits",
    before: { spec: { hard: { pods: "1" } } },
    after: { spec: { hard: { pods: "2" } } },
    want: [],
  },
] as readonly (ChangeCase & { kind: string })[])
  test(`a ${kind} that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(updateErrors("v1", kind, { ...before }, { ...after }), want);
  });

test("a replication controller gets a selector and labels from its template", () => {
  const template = {
    metadata: { labels: { app: "web" } },
    spec: { containers: [{ name: "a", image: "b:1" }] },
  };
  const { spec, metadata } = withDefaults(objectOf("v1", "ReplicationController", { spec: { template } }));
  const { replicas, selector } = spec as Record<string, unknown>;
  assert.deepEqual([replicas, selector, metadata.labels], [1, { app: "web" }, { app: "web" }]);
  assertLines(createErrors("v1", "ReplicationController", { spec: { template } }), []);
});

test("events vanish after an hour", () =>
  assert.equal(definitionOf("v1", "Event").strategy.ttlSeconds, 3600));

const ready = (status: string) => [{ type: "Ready", status }];
const info = {
  kubeletVersion: "v1.36.0",
  osImage: "Linux",
  kernelVersion: "6",
  containerRuntimeVersion: "containerd://2",
};

for (const { name, parts, want } of [
  {
    name: "that is ready",
    parts: {
      metadata: {
        labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" },
      },
      status: {
        conditions: ready("True"),
        nodeInfo: info,
        addresses: [{ type: "InternalIP", address: "10.0.0.2" }],
      },
    },
    want: ["Ready", "control-plane,worker", "v1.36.0", "10.0.0.2", "<none>", "Linux", "6", "containerd://2"],
  },
  {
    name: "that is not ready and takes no pods",
    parts: { spec: { unschedulable: true }, status: { conditions: ready("Unknown") } },
    want: [
      "NotReady,SchedulingDisabled",
      "<none>",
      "",
      "<none>",
      "<none>",
      "<unknown>",
      "<unknown>",
      "<unknown>",
    ],
  },
  {
    name: "that never said a word",
    parts: {},
    want: ["Unknown", "<none>", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"],
  },
])
  test(`kubectl get -o wide shows a node ${name} as upstream does`, () => {
    assert.deepEqual(Object.values(rowOf(withDefaults(objectOf("v1", "Node", parts)))), want);
  });

for (const { kind, name, parts, want } of [
  { kind: "Namespace", name: "", parts: { status: { phase: "Active" } }, want: ["Active"] },
  {
    kind: "ResourceQuota",
    name: "",
    parts: { status: { hard: { pods: "5", "limits.cpu": "2", "requests.cpu": "1" }, used: { pods: "3" } } },
    want: ["pods: 3/5, requests.cpu: 0/1", "limits.cpu: 0/2"],
  },
  { kind: "Endpoints", name: "without addresses", parts: {}, want: ["<none>"] },
  {
    kind: "Endpoints",
    name: "with many",
    parts: {
      subsets: [{ addresses: [1, 2, 3, 4].map((n) => ({ ip: `10.1.0.${n}` })), ports: [{ port: 80 }] }],
    },
    want: ["10.1.0.1:80,10.1.0.2:80,10.1.0.3:80 + 1 more..."],
  },
  {
    kind: "Endpoints",
    name: "of the sixth version",
    parts: { subsets: [{ addresses: [{ ip: "fd00::1" }], ports: [{ port: 80 }] }] },
    want: ["[fd00::1]:80"],
  },
  {
    kind: "Event",
    name: "that repeats",
    parts: {
      involvedObject: { kind: "Pod", name: "web", fieldPath: "spec.containers{a}" },
      type: "Warning",
      reason: "BackOff",
      message: " again\n",
      source: { component: "kubelet", host: "n1" },
      firstTimestamp: secondsAgo(600),
      lastTimestamp: secondsAgo(30),
      count: 7,
    },
    want: ["30s", "Warning", "BackOff", "pod/web", "spec.containers{a}", "kubelet, n1", "again", "10m", 7],
  },
  {
    kind: "Event",
    name: "in the newer form",
    parts: {
      involvedObject: { kind: "Node", name: "n1" },
      reportingComponent: "scheduler",
      eventTime: secondsAgo(60),
      series: { count: 3, lastObservedTime: secondsAgo(5) },
    },
    want: ["5s", "", "", "node/n1", "", "scheduler", "", "60s", 3],
  },
  {
    kind: "LimitRange",
    name: "",
    parts: { metadata: { creationTimestamp: "2026-01-01T00:00:00Z" } },
    want: ["2026-01-01T00:00:00Z"],
  },
  { kind: "ServiceAccount", name: "", parts: { secrets: [{ name: "a" }] }, want: [] },
] as readonly { kind: string; name: string; parts: Parts; want: readonly (string | number)[] }[])
  test(`kubectl get -o wide shows a ${kind} ${name} as upstream does`, () => {
    assert.deepEqual(Object.values(rowOf(withDefaults(objectOf("v1", kind, parts)))), want);
  });

test("events can be selected by what they are about", () => {
  const { selectableFields = {} } = definitionOf("v1", "Event");
  const event = objectOf("v1", "Event", {
    involvedObject: { kind: "Pod", name: "web" },
    reportingComponent: "kubelet",
  });
  const selected = Object.fromEntries(
    Object.entries(selectableFields).map(([name, fieldOf]) => [name, fieldOf(event)]),
  );
  assert.deepEqual(selected, {
    "involvedObject.kind": "Pod",
    "involvedObject.namespace": "",
    "involvedObject.name": "web",
    "involvedObject.uid": "",
    "involvedObject.apiVersion": "",
    "involvedObject.resourceVersion": "",
    "involvedObject.fieldPath": "",
    reason: "",
    reportingComponent: "kubelet",
    source: "kubelet",
    type: "",
  });
});

test("a node that has its configuration from the API keeps it, and it is judged", () => {
  const { strategy } = definitionOf("v1", "Node");
  const configMap = { namespace: "kube-system", name: "kubelet", kubeletConfigKey: "kubelet" };
  const source = (parts: object) => ({ configMap: { ...configMap, ...parts } });
  const old = objectOf("v1", "Node", { spec: { configSource: source({}) }, status: { config: {} } });
  const changed = objectOf("v1", "Node", {
    spec: { configSource: source({ uid: "u", name: "" }) },
    status: { config: { assigned: source({ uid: "u" }), active: {} } },
  });
  const prepared = strategy.prepareForUpdate?.(changed, old) ?? changed;
  assert.deepEqual(prepared.spec, changed.spec);
  assertLines(lines(strategy.validateUpdate?.(prepared, old) ?? []), [
    "spec.configSource.configMap.uid: Forbidden: uid must not be set in spec",
    "spec.configSource.configMap.name: Required value: name must be set",
    "status.config.assigned.configMap.resourceVersion: Required value: resourceVersion must be set in status",
    'status.config.active: Invalid value: {"ConfigMap":null}: exactly one reference subfield must be non-nil',
  ]);
});
