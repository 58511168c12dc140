import assert from "node:assert/strict";
import { test } from "node:test";
import { created, definitionOf, frozen, type Parts } from "../test-support/objects.ts";

function warningsOf(apiVersion: string, kind: string, parts: Parts): readonly string[] {
  return definitionOf(apiVersion, kind).strategy.warnings?.(created(apiVersion, kind, parts)) ?? [];
}

const container = { name: "a", image: "web:1" };
const label = { labelSelector: {} };

const pods: readonly {
  name: string;
  spec?: object;
  metadata?: Parts["metadata"];
  want: readonly string[];
}[] = [
  { name: "as it should be", want: [] },
  {
    name: "that asks for nodes by old labels",
    spec: {
      nodeSelector: { "beta.kubernetes.io/os": "linux" },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: "beta.kubernetes.io/arch", operator: "Exists" }] },
            ],
          },
        },
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: "zone" },
            { topologyKey: "zone", ...label },
          ],
        },
      },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "failure-domain.beta.kubernetes.io/zone",
          whenUnsatisfiable: "DoNotSchedule",
        },
      ],
    },
    want: [
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
      'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod",
    ],
  },
  {
    name: "with a volume of the past",
    spec: { volumes: [{ name: "v", gitRepo: { repository: "r" } }] },
    want: ["spec.volumes[0].gitRepo: deprecated in v1.11"],
  },
  {
    name: "that says things twice",
    spec: {
      hostAliases: [{ ip: "1.1.1.1" }, { ip: "1.1.1.1" }],
      imagePullSecrets: [{ name: "s" }, { name: "s" }, {}],
      containers: [
        {
          ...container,
          env: [
            { name: "A", value: "1" },
            { name: "A", value: "$(A)2" },
            { name: "A", value: "3" },
          ],
          ports: [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, hostPort: 8080 }],
        },
      ],
    },
    want: [
      'spec.hostAliases[1].ip: duplicate ip "1.1.1.1"',
      'spec.imagePullSecrets[1].name: duplicate name "s"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
      'spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply',
      "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
      "spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[0]",
      "spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[1]",
    ],
  },
  {
    name: "with parts of a byte",
    spec: {
      containers: [{ ...container, resources: { requests: { memory: "500m" } } }],
    },
    want: [
      'spec.containers[0].resources.requests[memory]: fractional byte value "500m" is invalid, must be an integer',
    ],
  },
  {
    name: "with files in each other's place, and a projection of nothing",
    spec: {
      containers: [container],
      volumes: [
        {
          name: "c",
          configMap: {
            name: "m",
            items: [
              { key: "a", path: "x" },
              { key: "b", path: "x/y" },
            ],
          },
        },
        {
          name: "p",
          projected: {
            sources: [
              {},
              { serviceAccountToken: { path: "token" } },
              {
                secret: {
                  name: "s",
                  items: [
                    { key: "t", path: "token" },
                    { key: "u", path: "tokens" },
                  ],
                },
              },
            ],
          },
        },
      ],
    },
    want: [
      'volume "c" (ConfigMap "m"): overlapping paths: "x/y" with "x"',
      'volume "p" (Projected) has no sources provided',
      'volume "p" (Projected): overlapping paths: "token" (Secret "s") with "token" (ServiceAccountToken)',
    ],
  },
  {
    name: "with a port at an address that nobody can reach",
    spec: { containers: [{ ...container, ports: [{ containerPort: 80, hostIP: "1.2.3.4" }] }] },
    want: [
      "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}",
    ],
  },
  {
    name: "with a name that is no host's",
    metadata: { name: "a.b" },
    want: [
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
    ],
  },
  {
    name: "with annotations of the past",
    metadata: { annotations: { "scheduler.alpha.kubernetes.io/critical-pod": "" } },
    want: [
      'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
    ],
  },
];

for (const { name, spec = {}, metadata = {}, want } of pods)
  test(`a pod ${name} brings ${want.length === 0 ? "no warnings" : "upstream's warnings"}`, () => {
    assert.deepEqual(warningsOf("v1", "Pod", { metadata, spec: { containers: [container], ...spec } }), want);
  });

test("an update warns only when a template changes, and never of a pod", () => {
  const spec = { containers: [container], terminationGracePeriodSeconds: -1 };
  const warned = (kind: string, apiVersion: string, object: Parts) => {
    const { strategy } = definitionOf(apiVersion, kind);
    const made = created(apiVersion, kind, object);
    const at = (generation: number) => frozen({ ...made, metadata: { ...made.metadata, generation } });
    return [strategy.warnings?.(at(1), at(1)).length, strategy.warnings?.(at(2), at(1)).length];
  };
  assert.deepEqual(warned("Pod", "v1", { spec }), [0, 0]);
  assert.deepEqual(warned("Deployment", "apps/v1", { spec: { template: { spec } } }), [0, 1]);
});

for (const { kind, apiVersion, path } of [
  { kind: "Deployment", apiVersion: "apps/v1", path: "spec.template.spec" },
  { kind: "CronJob", apiVersion: "batch/v1", path: "spec.jobTemplate.spec.template.spec" },
])
  test(`the template of a ${kind} brings a pod's warnings, its name those of its pods`, () => {
    const template = { spec: { containers: [container], imagePullSecrets: [{}] } };
    const spec = kind === "CronJob" ? { jobTemplate: { spec: { template } } } : { template };
    assert.deepEqual(warningsOf(apiVersion, kind, { metadata: { name: "a.b" }, spec }), [
      "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
      `${path}.imagePullSecrets[0].name: invalid empty name ""`,
    ]);
  });

for (const { name, spec, want } of [
  { name: "as it should be", spec: {}, want: [] },
  {
    name: "without an address, that keeps its clients",
    spec: { clusterIP: "None", sessionAffinity: "ClientIP", externalIPs: ["1.2.3.4"] },
    want: [
      "spec.externalIPs is ignored for headless services",
      "spec.SessionAffinity is ignored for headless services",
    ],
  },
  {
    name: "with addresses from outside",
    spec: { externalIPs: ["2001:DB8::1"] },
    want: [
      'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
      "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
    ],
  },
  {
    name: "with a name that is not asked for, close by",
    spec: { externalName: "a.b", trafficDistribution: "PreferClose" },
    want: [
      'spec.externalName is ignored when spec.type is not "ExternalName"',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  },
])
  test(`a service ${name} brings ${want.length === 0 ? "no warnings" : "upstream's warnings"}`, () => {
    assert.deepEqual(warningsOf("v1", "Service", { spec: { ports: [{ port: 80 }], ...spec } }), want);
  });

test("what stood in annotations once stands in fields now", () => {
  const annotations = { "volume.beta.kubernetes.io/storage-class": "x", "kubernetes.io/ingress.class": "y" };
  const metadata = { annotations };
  assert.deepEqual(warningsOf("v1", "PersistentVolumeClaim", { metadata }), [
    'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
  ]);
  assert.deepEqual(
    warningsOf("v1", "PersistentVolume", { metadata, spec: { persistentVolumeReclaimPolicy: "Recycle" } }),
    [
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
    ],
  );
  assert.deepEqual(warningsOf("networking.k8s.io/v1", "Ingress", { metadata }), [
    `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
  ]);
});

test("kinds of the past say what to use instead", () => {
  assert.equal(
    definitionOf("v1", "Endpoints").deprecationWarning,
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
  );
  assert.equal(
    definitionOf("v1", "ComponentStatus").deprecationWarning,
    "v1 ComponentStatus is deprecated in v1.19+",
  );
});
