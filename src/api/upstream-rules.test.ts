/** Rules that only comparing answers with those of a kube-apiserver of the same release brings to light. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  created,
  createErrors,
  definitionOf,
  frozen,
  objectOf,
  type Parts,
  updateErrors,
  withDefaults,
} from "./test-support/objects.ts";

const refused: readonly {
  readonly name: string;
  readonly kind: readonly [apiVersion: string, kind: string];
  readonly parts: Parts;
  readonly want: readonly (string | RegExp)[];
}[] = [
  {
    name: "a node that declares features out of order, twice, and under a wrong name",
    kind: ["v1", "Node"],
    parts: { status: { declaredFeatures: ["B", "A", "A", "x"] } },
    want: [
      'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
      'status.declaredFeatures[2]: Duplicate value: "A"',
      /^status\.declaredFeatures\[3\]: Invalid value: "x": invalid feature name "x": must start with an UpperCamelCase/,
    ],
  },
  {
    name: "a slice with hints for what cannot be a zone or a node",
    kind: ["discovery.k8s.io/v1", "EndpointSlice"],
    parts: {
      addressType: "IPv4",
      endpoints: [
        { addresses: ["10.0.0.1"], hints: { forZones: [{ name: "a b" }], forNodes: [{ name: "A" }] } },
      ],
    },
    want: [
      /^endpoints\[0\]\.hints\.forZones\[0\]\.name: Invalid value: "a b": a valid label/,
      /^endpoints\[0\]\.hints\.forNodes\[0\]\.name: Invalid value: "A": a lowercase RFC 1123 subdomain/,
    ],
  },
  {
    name: "a slice with a name of one label and an empty one",
    kind: ["discovery.k8s.io/v1", "EndpointSlice"],
    parts: { addressType: "FQDN", endpoints: [{ addresses: ["", "com"] }] },
    want: [
      "endpoints[0].addresses[0]: Required value",
      'endpoints[0].addresses[1]: Invalid value: "com": should be a domain with at least two segments separated by dots',
    ],
  },
  {
    name: "a driver that keeps tokens in secrets and asks for none",
    kind: ["storage.k8s.io/v1", "CSIDriver"],
    parts: { metadata: { name: "a.b" }, spec: { serviceAccountTokenInSecrets: true } },
    want: [
      "spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified",
    ],
  },
  {
    name: "a storage class with a topology that says nothing",
    kind: ["storage.k8s.io/v1", "StorageClass"],
    parts: { provisioner: "a.b", allowedTopologies: [{}] },
    want: ['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""'],
  },
  {
    name: "a policy that would change what is deleted",
    kind: ["admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding"],
    parts: {
      spec: {
        policyName: "p",
        matchResources: {
          resourceRules: [
            { operations: ["DELETE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] },
          ],
        },
      },
    },
    want: [
      'spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    ],
  },
  {
    name: "a runtime class with a toleration twice",
    kind: ["node.k8s.io/v1", "RuntimeClass"],
    parts: {
      handler: "a",
      scheduling: {
        tolerations: [
          { key: "k", operator: "Exists" },
          { key: "k", operator: "Exists" },
        ],
      },
    },
    want: [/^scheduling\.tolerations\[1\]: Duplicate value: \{"Key":"k","Operator":"Exists"/],
  },
  {
    name: "an autoscaler with rules of no policy",
    kind: ["autoscaling/v2", "HorizontalPodAutoscaler"],
    parts: {
      spec: {
        maxReplicas: 1,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "a" },
        behavior: { scaleUp: { policies: [] } },
      },
    },
    want: ["spec.behavior.scaleUp.policies: Required value: must specify at least one Policy"],
  },
];

for (const { name, kind, parts, want } of refused)
  test(`${name} is refused`, () => assertLines(createErrors(...kind, parts), want));

test("names of services may begin with a digit", () => {
  assert.deepEqual(definitionOf("v1", "Service").checkName?.("0a"), []);
});

const ports = [{ name: "a", port: 80, protocol: "TCP" }];

for (const { name, before, after, want } of [
  {
    name: "an address that is left out stays",
    before: { type: "ClusterIP", clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ports },
    after: { type: "ClusterIP", clusterIPs: ["10.0.0.1"], ports },
    want: { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] },
  },
  {
    name: "a port of another number keeps its node port by its name",
    before: { type: "NodePort", ports: [{ name: "a", port: 80, nodePort: 30_001 }] },
    after: { type: "NodePort", ports: [{ name: "a", port: 81 }] },
    want: { ports: [{ name: "a", port: 81, targetPort: 81, protocol: "TCP", nodePort: 30_001 }] },
  },
  {
    name: "the port of health checks goes with local traffic",
    before: { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30_002, ports },
    after: { type: "LoadBalancer", healthCheckNodePort: 30_002, ports },
    want: { externalTrafficPolicy: "Cluster", healthCheckNodePort: undefined },
  },
  {
    name: "the policy of traffic from outside goes with the last address of outside",
    before: { type: "ClusterIP", externalIPs: ["1.2.3.4"], externalTrafficPolicy: "Cluster", ports },
    after: { type: "ClusterIP", externalTrafficPolicy: "Cluster", ports },
    want: { externalTrafficPolicy: undefined },
  },
  {
    name: "a name has no policy for traffic inside",
    before: { type: "ExternalName", externalName: "a.b" },
    after: { type: "ExternalName", externalName: "a.b", internalTrafficPolicy: "Cluster" },
    want: { internalTrafficPolicy: undefined },
  },
] as readonly { name: string; before: object; after: object; want: Readonly<Record<string, unknown>> }[])
  test(`on an update of a service, ${name}`, () => {
    const { strategy } = definitionOf("v1", "Service");
    const old = created("v1", "Service", { spec: before });
    const given = withDefaults(objectOf("v1", "Service", { spec: after }));
    const { spec = {} } = (strategy.prepareForUpdate?.(given, old) ?? given) as {
      spec?: Record<string, unknown>;
    };
    for (const [field, value] of Object.entries(want)) assert.deepEqual(spec[field], value, field);
  });

test("fields behind gates that are off are dropped from pods and templates", () => {
  const spec = {
    schedulingGroup: { podGroupName: "g" },
    containers: [
      { name: "a", image: "b", lifecycle: { stopSignal: "SIGTERM" } },
      { name: "b", image: "b", lifecycle: { stopSignal: "SIGTERM", preStop: { sleep: { seconds: 1 } } } },
    ],
    volumes: [{ name: "v", projected: { sources: [{ clusterTrustBundle: { name: "x", path: "p" } }] } }],
  };
  const shown = ({ schedulingGroup, containers, volumes }: typeof spec) => ({
    schedulingGroup,
    lifecycles: containers.map(({ lifecycle }) => lifecycle),
    sources: volumes[0]?.projected.sources,
  });
  const pod = created("v1", "Pod", { spec }) as unknown as { spec: typeof spec };
  const template = created("v1", "PodTemplate", { template: { spec } }) as unknown as {
    template: { spec: typeof spec };
  };
  const want = {
    schedulingGroup: undefined,
    lifecycles: [undefined, { preStop: { sleep: { seconds: 1 } } }],
    sources: [{}],
  };
  assert.deepEqual(shown(pod.spec), want);
  assert.deepEqual(shown(template.template.spec), want);
});

test("a service account's secrets are names, and a claim's source is of its own namespace", () => {
  const account = created("v1", "ServiceAccount", { secrets: [{ name: "a", namespace: "b", uid: "c" }] });
  assert.deepEqual(account.secrets, [{ name: "a" }]);
  const dataSourceRef = { kind: "PersistentVolumeClaim", name: "a", namespace: "b" };
  const claim = created("v1", "PersistentVolumeClaim", { spec: { dataSourceRef } });
  assert.equal((claim.spec as { dataSourceRef?: unknown }).dataSourceRef, undefined);
});

test("a volume tells since when it is pending", () => {
  const creationTimestamp = "2026-01-01T00:00:00Z";
  const volume = created("v1", "PersistentVolume", { metadata: { creationTimestamp }, spec: {} });
  assert.deepEqual(volume.status, { phase: "Pending", lastPhaseTransitionTime: creationTimestamp });
});

test("a driver that gets tokens is told to have them in secrets, once", () => {
  const { strategy } = definitionOf("storage.k8s.io/v1", "CSIDriver");
  const driver = frozen({
    ...objectOf("storage.k8s.io/v1", "CSIDriver", { metadata: { name: "a.b" } }),
    spec: { tokenRequests: [{ audience: "a" }] },
  });
  assert.match(strategy.warnings?.(driver)[0] ?? "", /^spec\.serviceAccountTokenInSecrets is unset/);
  assert.deepEqual(strategy.warnings?.(driver, driver), []);
});

test("what an older version let into a slice may stay", () => {
  const slice = { addressType: "IPv4", endpoints: [{ addresses: ["127.0.0.1"] }] };
  const changed = { ...slice, ports: [{ name: "a", port: 1 }] };
  assertLines(updateErrors("discovery.k8s.io/v1", "EndpointSlice", slice, changed), []);
});
