import assert from "node:assert/strict";
import { test } from "node:test";
import { created, objectOf, withDefaults } from "../test-support/objects.ts";
import { isImageTagLatest } from "./image-reference.ts";

const plain = { name: "a", image: "web:1" };

/** What a container gets when it says nothing but its name and image. */
const filled = {
  ...plain,
  resources: {},
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  imagePullPolicy: "IfNotPresent",
};

const podSpec = (spec: object) => withDefaults(objectOf("v1", "Pod", { spec })).spec;

test("a pod that says only what it runs gets everything else", () => {
  assert.deepEqual(podSpec({ containers: [plain] }), {
    containers: [filled],
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
  });
});

test("what a pod says stays", () => {
  const spec = {
    containers: [{ ...filled, imagePullPolicy: "Never", terminationMessagePolicy: "FallbackToLogsOnError" }],
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 0,
    dnsPolicy: "None",
    securityContext: { runAsUser: 0 },
    schedulerName: "mine",
    enableServiceLinks: false,
  };
  assert.deepEqual(podSpec(spec), spec);
});

/** What is written of one container, and what comes of it. */
const containers: readonly { name: string; given: object; want: object; spec?: object }[] = [
  {
    name: "a port is TCP",
    given: { ports: [{ containerPort: 80 }, { containerPort: 53, protocol: "UDP" }] },
    want: {
      ports: [
        { containerPort: 80, protocol: "TCP" },
        { containerPort: 53, protocol: "UDP" },
      ],
    },
  },
  {
    name: "a port is one of the host where the network is",
    spec: { hostNetwork: true },
    given: { ports: [{ containerPort: 80 }] },
    want: { ports: [{ containerPort: 80, protocol: "TCP", hostPort: 80 }] },
  },
  {
    name: "a probe has its rhythm, and an HTTP request its path and scheme",
    given: { livenessProbe: { httpGet: { port: 80 } } },
    want: {
      livenessProbe: {
        httpGet: { port: 80, path: "/", scheme: "HTTP" },
        timeoutSeconds: 1,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 3,
      },
    },
  },
  {
    name: "a gRPC probe asks for the server as a whole",
    given: { readinessProbe: { grpc: { port: 9 }, periodSeconds: 5 } },
    want: {
      readinessProbe: {
        grpc: { port: 9, service: "" },
        timeoutSeconds: 1,
        periodSeconds: 5,
        successThreshold: 1,
        failureThreshold: 3,
      },
    },
  },
  {
    name: "a hook's request has a path and scheme too",
    given: { lifecycle: { preStop: { httpGet: { port: "x", scheme: "HTTPS" } }, postStart: { exec: {} } } },
    want: {
      lifecycle: { preStop: { httpGet: { port: "x", path: "/", scheme: "HTTPS" } }, postStart: { exec: {} } },
    },
  },
  {
    name: "requests follow limits, one resource at a time",
    given: { resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } } },
    want: { resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } } },
  },
  {
    name: "amounts are rounded up to thousandths",
    given: { resources: { requests: { cpu: "100u" } } },
    want: { resources: { requests: { cpu: "1m" } } },
  },
  {
    name: "a field of the pod is named by version",
    given: {
      env: [
        { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "B", value: "" },
      ],
    },
    want: {
      env: [
        { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name", apiVersion: "v1" } } },
        { name: "B", value: "" },
      ],
    },
  },
];

for (const { name, given, want, spec = {} } of containers)
  test(`in a pod ${name}`, () => {
    const { containers: list, initContainers } = podSpec({
      ...spec,
      containers: [{ ...plain, ...given }],
      initContainers: [{ ...plain, ...given }],
    }) as { containers: object[]; initContainers: object[] };
    assert.deepEqual(list, [{ ...filled, ...want }]);
    assert.deepEqual(initContainers, [{ ...filled, ...want }], "init containers are the same");
  });

test("in a template requests do not follow limits, and ports are not the host's yet", () => {
  const template = {
    spec: {
      hostNetwork: true,
      containers: [{ ...plain, ports: [{ containerPort: 1 }], resources: { limits: { cpu: "1" } } }],
    },
  };
  const deployment = withDefaults(objectOf("apps/v1", "Deployment", { spec: { template } }));
  const { spec } = deployment as unknown as { spec: { template: { spec: { containers: object[] } } } };
  assert.deepEqual(spec.template.spec.containers, [
    { ...filled, ports: [{ containerPort: 1, protocol: "TCP" }], resources: { limits: { cpu: "1" } } },
  ]);
  assert.equal("enableServiceLinks" in spec.template.spec, false);
});

for (const { image, latest } of [
  { image: "web", latest: true },
  { image: "web:latest", latest: true },
  { image: "web:1", latest: false },
  { image: "registry:5000/web", latest: true },
  { image: "registry:5000/team/web:v1", latest: false },
  { image: `web@sha256:${"a".repeat(64)}`, latest: false },
  { image: `web:latest@sha256:${"a".repeat(64)}`, latest: true },
  { image: "", latest: false },
  { image: "Not An Image", latest: false },
  { image: "Web", latest: false },
  { image: "Host.io/a__b/c-d", latest: true },
  { image: "[::1]:5000/web", latest: true },
])
  test(`image ${JSON.stringify(image)} is pulled ${latest ? "always" : "if it is not there"}`, () => {
    assert.equal(isImageTagLatest(image), latest);
    const [container] = (
      podSpec({ containers: [{ name: "a", image }] }) as { containers: { imagePullPolicy: string }[] }
    ).containers;
    assert.equal(container?.imagePullPolicy, latest ? "Always" : "IfNotPresent");
  });

const volumes: readonly { name: string; given: object; want: object }[] = [
  { name: "without a source is an empty directory", given: {}, want: { emptyDir: {} } },
  {
    name: "of a secret",
    given: { secret: { secretName: "s" } },
    want: { secret: { secretName: "s", defaultMode: 0o644 } },
  },
  {
    name: "of a config map",
    given: { configMap: { name: "c", defaultMode: 0 } },
    want: { configMap: { name: "c", defaultMode: 0 } },
  },
  { name: "on the host", given: { hostPath: { path: "/x" } }, want: { hostPath: { path: "/x", type: "" } } },
  {
    name: "of facts about the pod",
    given: { downwardAPI: { items: [{ path: "l", fieldRef: { fieldPath: "metadata.labels" } }] } },
    want: {
      downwardAPI: {
        items: [{ path: "l", fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels" } }],
        defaultMode: 0o644,
      },
    },
  },
  {
    name: "of several sources",
    given: { projected: { sources: [{ serviceAccountToken: { path: "t" } }] } },
    want: {
      projected: {
        sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }],
        defaultMode: 0o644,
      },
    },
  },
  {
    name: "over iSCSI",
    given: { iscsi: { targetPortal: "p", iqn: "q", lun: 0 } },
    want: { iscsi: { targetPortal: "p", iqn: "q", lun: 0, iscsiInterface: "default" } },
  },
  {
    name: "of Ceph",
    given: { rbd: { monitors: ["m"], image: "i" } },
    want: { rbd: { monitors: ["m"], image: "i", pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" } },
  },
  {
    name: "made for the pod",
    given: { ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"] } } } },
    want: {
      ephemeral: {
        volumeClaimTemplate: {
          spec: { accessModes: ["ReadWriteOnce"], resources: {}, volumeMode: "Filesystem" },
        },
      },
    },
  },
];

for (const { name, given, want } of volumes)
  test(`a volume ${name} gets its defaults`, () => {
    const spec = podSpec({ containers: [], volumes: [{ name: "v", ...given }] });
    assert.deepEqual((spec as { volumes: object[] }).volumes, [{ name: "v", ...want }]);
  });

test("the old name of the service account is kept beside the new one", () => {
  for (const given of [
    { serviceAccount: "x" },
    { serviceAccountName: "x" },
    { serviceAccount: "y", serviceAccountName: "x" },
  ]) {
    const { serviceAccount, serviceAccountName } = podSpec({ containers: [], ...given }) as Record<
      string,
      unknown
    >;
    assert.deepEqual([serviceAccount, serviceAccountName], ["x", "x"]);
  }
});

test("requests of the pod as a whole follow its containers, then its limits", () => {
  const { resources } = podSpec({
    containers: [
      { ...plain, resources: { requests: { cpu: "1" } } },
      { ...plain, name: "b", resources: { requests: { cpu: "500m" } } },
    ],
    resources: { limits: { cpu: "4", memory: "1Gi" } },
  }) as { resources: object };
  assert.deepEqual(resources, {
    limits: { cpu: "4", memory: "1Gi" },
    requests: { cpu: "1500m", memory: "1Gi" },
  });
});

test("Pods, QOS: a new pod is pending, in the class of its resources, whatever its author says", () => {
  const spec = { containers: [{ ...plain, resources: { limits: { cpu: "1", memory: "1Gi" } } }] };
  assert.deepEqual(created("v1", "Pod", { spec, status: { phase: "Running", podIP: "1.2.3.4" } }).status, {
    phase: "Pending",
    qosClass: "Guaranteed",
  });
});

test("a new pod behind gates says that it waits for them", () => {
  const { status } = created("v1", "Pod", {
    spec: { containers: [plain], schedulingGates: [{ name: "g" }] },
  });
  const { conditions } = status as { conditions: { type: string; status: string; reason: string }[] };
  assert.deepEqual(
    conditions.map((condition) => [condition.type, condition.status, condition.reason]),
    [["PodScheduled", "False", "SchedulingGated"]],
  );
});

test("a reported address stands first in the list of addresses", () => {
  const { status } = withDefaults(
    objectOf("v1", "Pod", {
      spec: { containers: [] },
      status: { podIP: "1.2.3.4", hostIPs: [{ ip: "5.6.7.8" }] },
    }),
  );
  assert.deepEqual(status, {
    podIP: "1.2.3.4",
    podIPs: [{ ip: "1.2.3.4" }],
    hostIPs: [{ ip: "5.6.7.8" }],
  });
});
