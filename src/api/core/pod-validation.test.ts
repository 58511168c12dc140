import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  created,
  createErrors,
  definitionOf,
  frozen,
  lines,
  type Parts,
  updateErrors,
} from "../test-support/objects.ts";
import { validateBinding } from "./binding.ts";

const container = { name: "a", image: "web:1" };

interface Case {
  readonly name: string;
  readonly spec?: object;
  /** In place of the first container. */
  readonly container?: object;
  readonly metadata?: Parts["metadata"];
  readonly want: readonly (string | RegExp)[];
}

const dns1123 =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const cases: readonly Case[] = [
  { name: "that says what it runs", want: [] },
  { name: "without containers", spec: { containers: [] }, want: ["spec.containers: Required value"] },
  { name: "without an image", container: { name: "a" }, want: ["spec.containers[0].image: Required value"] },
  {
    name: "without a container's name",
    container: { image: "x" },
    want: ["spec.containers[0].name: Required value"],
  },
  {
    name: "with a wrong name of a container",
    container: { name: "A", image: "x" },
    want: [`spec.containers[0].name: Invalid value: "A": ${dns1123}`],
  },
  {
    name: "with two containers of one name",
    spec: { containers: [container, container] },
    want: ['spec.containers[1].name: Duplicate value: "a"'],
  },
  {
    name: "with an init container of a container's name",
    spec: { initContainers: [container] },
    want: ['spec.initContainers[0].name: Duplicate value: "a"'],
  },
  {
    name: "with a space in an image",
    container: { name: "a", image: " x" },
    want: ['spec.containers[0].image: Invalid value: " x": must not have leading or trailing whitespace'],
  },
  {
    name: "with unknown policies",
    spec: { restartPolicy: "Sometimes", dnsPolicy: "Best" },
    want: [
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
      'spec.dnsPolicy: Unsupported value: "Best": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
    ],
  },
  {
    name: "with an unknown pull policy",
    container: { ...container, imagePullPolicy: "Maybe" },
    want: [
      'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
    ],
  },
  {
    name: "with wrong ports",
    container: {
      ...container,
      ports: [
        { containerPort: 0 },
        { containerPort: 70000 },
        { containerPort: 1, name: "same" },
        { containerPort: 2, name: "same", protocol: "HTTP" },
      ],
    },
    want: [
      "spec.containers[0].ports[0].containerPort: Required value",
      "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
      'spec.containers[0].ports[3].name: Duplicate value: "same"',
      'spec.containers[0].ports[3].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    ],
  },
  {
    name: "with one port of the host twice",
    spec: {
      containers: [
        { ...container, ports: [{ containerPort: 80, hostPort: 80 }] },
        { ...container, name: "b", ports: [{ containerPort: 81, hostPort: 80 }] },
      ],
    },
    want: ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"'],
  },
  {
    name: "with a wrong variable (ConfigMap, with empty-key is a matter of keys)",
    container: {
      ...container,
      env: [
        { name: "", value: "x" },
        { name: "a=b", value: "x" },
        { name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "B", valueFrom: {} },
        { name: "C", valueFrom: { fieldRef: { fieldPath: "spec.containers" } } },
        { name: "D", valueFrom: { secretKeyRef: { name: "", key: "k" } } },
      ],
    },
    want: [
      "spec.containers[0].env[0].name: Required value",
      "spec.containers[0].env[1].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='",
      'spec.containers[0].env[2].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
      'spec.containers[0].env[3].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      /^spec\.containers\[0\]\.env\[4\]\.valueFrom\.fieldRef\.fieldPath: Invalid value: "spec\.containers": error converting fieldPath/,
      /^spec\.containers\[0\]\.env\[5\]\.valueFrom\.secretKeyRef\.name: Invalid value: "": a lowercase RFC 1123 subdomain/,
    ],
  },
  {
    name: "that requests more than its limit",
    container: { ...container, resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } },
    want: [
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
  },
  {
    name: "that requests what there cannot be",
    container: {
      ...container,
      resources: { requests: { cpu: "-1", "example.com/gpu": "1" }, limits: { "example.com/fpga": "-1" } },
    },
    want: [
      'spec.containers[0].resources.limits[example.com/fpga]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.containers[0].resources.requests[example.com/fpga]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
    ],
  },
  {
    name: "with an amount that must be whole",
    container: { ...container, resources: { limits: { "example.com/gpu": "500m" } } },
    want: [
      'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
      'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
    ],
  },
  {
    name: "that mounts what is not there, and in one place twice",
    spec: { volumes: [{ name: "v", emptyDir: {} }] },
    container: {
      ...container,
      volumeMounts: [
        { name: "w", mountPath: "/w" },
        { name: "v", mountPath: "" },
        { name: "v", mountPath: "/x" },
        { name: "v", mountPath: "/x", subPath: "../y" },
      ],
    },
    want: [
      'spec.containers[0].volumeMounts[0].name: Not found: "w"',
      "spec.containers[0].volumeMounts[1].mountPath: Required value",
      'spec.containers[0].volumeMounts[3].mountPath: Invalid value: "/x": must be unique',
      "spec.containers[0].volumeMounts.subPath: Invalid value: \"../y\": must not contain '..'",
    ],
  },
  {
    name: "with wrong volumes",
    spec: {
      volumes: [
        { name: "v", emptyDir: {}, secret: { secretName: "s" } },
        { name: "V" },
        { name: "w", secret: {} },
        { name: "y", emptyDir: {} },
        { name: "y", hostPath: { path: "" } },
        { name: "x", hostPath: { path: "/a", type: "Thing" } },
      ],
    },
    want: [
      "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type",
      `spec.volumes[1].name: Invalid value: "V": ${dns1123}`,
      "spec.volumes[2].secret.secretName: Required value",
      "spec.volumes[4].hostPath.path: Required value",
      'spec.volumes[4].name: Duplicate value: "y"',
      'spec.volumes[5].hostPath.type: Unsupported value: "Thing": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
  },
  {
    name: "with wrong probes",
    container: {
      ...container,
      livenessProbe: { httpGet: { port: 0 }, successThreshold: 2 },
      readinessProbe: {},
      startupProbe: { exec: {}, tcpSocket: { port: 80 }, periodSeconds: -1 },
    },
    want: [
      "spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
      "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
      "spec.containers[0].readinessProbe: Required value: must specify a handler type",
      /^spec\.containers\[0\]\.startupProbe\.(exec\.command: Required value|tcpSocket: Forbidden)/,
      /^spec\.containers\[0\]\.startupProbe/,
      /^spec\.containers\[0\]\.startupProbe/,
    ],
  },
  {
    name: "whose init container has probes without being a sidecar",
    spec: { initContainers: [{ ...container, name: "i", livenessProbe: { tcpSocket: { port: 1 } } }] },
    want: [
      "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
    ],
  },
  {
    name: "whose sidecar has probes",
    spec: {
      initContainers: [
        { ...container, name: "i", restartPolicy: "Always", livenessProbe: { tcpSocket: { port: 1 } } },
      ],
    },
    want: [],
  },
  {
    name: "privileged without the right to gain privileges",
    container: { ...container, securityContext: { privileged: true, allowPrivilegeEscalation: false } },
    want: [
      'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
  },
  {
    name: "with wrong kernel parameters (Sysctls, reject invalid sysctls)",
    spec: {
      securityContext: {
        sysctls: [
          { name: "foo-", value: "bar" },
          { name: "kernel.shmmax", value: "100000000" },
          { name: "safe-and-unsafe", value: "100000000" },
          { name: "bar..", value: "42" },
        ],
      },
    },
    want: [
      /^spec\.securityContext\.sysctls\[0\]\.name: Invalid value: "foo-": must have at most 253 characters and match regex/,
      /^spec\.securityContext\.sysctls\[3\]\.name: Invalid value: "bar\.\.": must have at most 253 characters and match regex/,
    ],
  },
  {
    name: "with wrong tolerations",
    spec: {
      tolerations: [
        { key: "a", operator: "Exists", value: "x" },
        { operator: "Equal", value: "x" },
        { key: "a", effect: "NoSchedule", tolerationSeconds: 1 },
      ],
    },
    want: [
      `spec.tolerations[0].operator: Invalid value: "x": value must be empty when \`operator\` is 'Exists'`,
      /^spec\.tolerations\[1\]\.operator: Invalid value: .*operator must be Exists when `key` is empty/,
      /^spec\.tolerations\[2\]\.effect: Invalid value: .*effect must be 'NoExecute' when `tolerationSeconds` is set/,
    ],
  },
  {
    name: "that asks for nodes in a wrong way",
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: "a", operator: "In" },
                  { key: "b", operator: "Gt", values: ["x", "y"] },
                ],
              },
            ],
          },
        },
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: {}, topologyKey: "" }],
        },
      },
    },
    want: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[1].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty",
      /^spec\.affinity\.podAffinity\.requiredDuringSchedulingIgnoredDuringExecution\[0\]\.topologyKey: Invalid value: "": name part must be non-empty/,
      /topologyKey: Invalid value: "": name part must consist of/,
    ],
  },
  {
    name: "spread in a wrong way",
    spec: { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "", whenUnsatisfiable: "Never" }] },
    want: [
      "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
      "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"',
    ],
  },
  {
    name: "with a debugging container from the start",
    spec: { ephemeralContainers: [{ name: "d", image: "x", terminationMessagePolicy: "File" }] },
    want: ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
  },
  {
    name: "that is bound and gated",
    spec: { nodeName: "n", schedulingGates: [{ name: "g" }] },
    want: ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
  },
  {
    name: "with names that no host can have",
    spec: { hostname: "A_b", subdomain: "x.y", activeDeadlineSeconds: 0 },
    want: [
      `spec.hostname: Invalid value: "A_b": ${dns1123}`,
      'spec.subdomain: Invalid value: "x.y": must not contain dots',
      "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    ],
  },
  {
    name: "with its own DNS, but without servers",
    spec: { dnsPolicy: "None" },
    want: ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
  },
  {
    name: "with a wrong name for an address",
    spec: { hostAliases: [{ ip: "1.2.3", hostnames: ["ok", "not_ok"] }] },
    want: [
      'spec.hostAliases[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      /^spec\.hostAliases\[0\]\.hostnames\[1\]: Invalid value: "not_ok": a lowercase RFC 1123 subdomain/,
    ],
  },
  {
    name: "with a cost of deletion that is no number",
    metadata: { annotations: { "controller.kubernetes.io/pod-deletion-cost": "+1" } },
    want: [
      'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer',
    ],
  },
];

for (const { name, spec = {}, container: first = container, metadata, want } of cases)
  test(`a new pod ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    const parts = { spec: { containers: [first], ...spec } };
    assertLines(createErrors("v1", "Pod", metadata === undefined ? parts : { ...parts, metadata }), want);
  });

const updates: readonly {
  name: string;
  before?: object;
  after: object;
  want: readonly (string | RegExp)[];
}[] = [
  { name: "nothing", after: {}, want: [] },
  { name: "an image", after: { containers: [{ ...container, image: "web:2" }] }, want: [] },
  {
    name: "a command",
    after: { containers: [{ ...container, command: ["x"] }] },
    want: [
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n@@ -5,7 +5,9 @@\n   {\n    "Name": "a",\n    "Image": "web:1",\n-   "Command": null,\n+   "Command": [\n+    "x"\n+   ],\n    "Args": null,\n    "WorkingDir": "",\n    "Ports": null,\n',
    ],
  },
  {
    name: "the number of containers",
    after: { containers: [container, { ...container, name: "b" }] },
    want: ["spec.containers: Forbidden: pod updates may not add or remove containers"],
  },
  {
    name: "its deadline to a nearer one",
    before: { activeDeadlineSeconds: 9 },
    after: { activeDeadlineSeconds: 5 },
    want: [],
  },
  {
    name: "its deadline to a farther one",
    before: { activeDeadlineSeconds: 5 },
    after: { activeDeadlineSeconds: 9 },
    want: ["spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value"],
  },
  {
    name: "its deadline to none",
    before: { activeDeadlineSeconds: 5 },
    after: {},
    want: [
      "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
    ],
  },
  {
    name: "its tolerations by one more",
    before: { tolerations: [{ key: "a", operator: "Exists" }] },
    after: {
      tolerations: [
        { key: "a", operator: "Exists" },
        { key: "b", operator: "Exists" },
      ],
    },
    want: [],
  },
  {
    name: "its tolerations by one less",
    before: { tolerations: [{ key: "a", operator: "Exists" }] },
    after: {},
    want: [
      "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
    ],
  },
  {
    name: "its gates by one less",
    before: { schedulingGates: [{ name: "a" }, { name: "b" }] },
    after: { schedulingGates: [{ name: "b" }] },
    want: [],
  },
  {
    name: "its gates by one more",
    before: { schedulingGates: [{ name: "a" }] },
    after: { schedulingGates: [{ name: "a" }, { name: "b" }] },
    want: [
      "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'",
    ],
  },
  {
    name: "its node selector behind gates",
    before: { schedulingGates: [{ name: "a" }], nodeSelector: { x: "1" } },
    after: { schedulingGates: [{ name: "a" }], nodeSelector: { x: "1", y: "2" } },
    want: [],
  },
  {
    name: "a label of its node selector behind gates",
    before: { schedulingGates: [{ name: "a" }], nodeSelector: { x: "1" } },
    after: { schedulingGates: [{ name: "a" }], nodeSelector: { x: "2" } },
    want: [
      'spec.nodeSelector: Invalid value: {"x":"2"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ],
  },
  {
    name: "its node selector without gates",
    after: { nodeSelector: { x: "1" } },
    want: [/^spec: Forbidden: pod updates may not change fields other than/],
  },
];

for (const { name, before = {}, after, want } of updates)
  test(`an update that changes ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    const spec = (more: object) => ({ spec: { containers: [container], ...more } });
    assertLines(updateErrors("v1", "Pod", spec(before), spec(after)), want);
  });

const { strategy } = definitionOf("v1", "Pod");
const pod = created("v1", "Pod", { spec: { containers: [container] } });

function changed(spec: object, status: object = {}) {
  return frozen({
    ...pod,
    spec: { ...(pod.spec as object), ...spec },
    status: { ...(pod.status as object), ...status },
  });
}

const debugging = {
  name: "d",
  image: "x",
  terminationMessagePolicy: "File",
  imagePullPolicy: "Always",
  resources: {},
};

for (const { name, before, after, want } of [
  { name: "can be added", before: {}, after: { ephemeralContainers: [debugging] }, want: [] },
  {
    name: "cannot be taken away",
    before: { ephemeralContainers: [debugging] },
    after: {},
    want: ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "d" may not be removed\n'],
  },
  {
    name: "cannot be changed",
    before: { ephemeralContainers: [debugging] },
    after: { ephemeralContainers: [{ ...debugging, image: "y" }] },
    want: [/^spec\.ephemeralContainers: Forbidden: existing ephemeral containers "d" may not be changed/],
  },
  {
    name: "must say its name once, aim at a container that is there, and have no ports",
    before: {},
    after: {
      ephemeralContainers: [
        { ...debugging, name: "a", targetContainerName: "z", ports: [{ containerPort: 1, protocol: "TCP" }] },
      ],
    },
    want: [
      'spec.ephemeralContainers[0].name: Duplicate value: "a"',
      'spec.ephemeralContainers[0].targetContainerName: Not found: "z"',
      "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
    ],
  },
] as const)
  test(`Ephemeral Container, update ephemeral containers: one ${name}`, () => {
    const errors = strategy.validateSubresourceUpdate?.(
      "ephemeralcontainers",
      changed(after),
      changed(before),
    );
    assertLines(lines(errors ?? []), want);
  });

const sized = (requests: object, limits: object = {}, more: object = {}) => ({
  containers: [
    { ...(pod.spec as { containers: object[] }).containers[0], resources: { requests, limits }, ...more },
  ],
});

for (const { name, before, after, want } of [
  { name: "of cpu is possible", before: sized({ cpu: "1" }), after: sized({ cpu: "2" }), want: [] },
  {
    name: "to another class is not",
    before: sized({ cpu: "1", memory: "1Mi" }, { cpu: "1", memory: "1Mi" }),
    after: sized({ cpu: "1", memory: "1Mi" }, { cpu: "2", memory: "1Mi" }),
    want: [/^spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing/],
  },
  {
    name: "of an image is none",
    before: sized({ cpu: "1" }),
    after: sized({ cpu: "1" }, {}, { image: "other" }),
    want: [/^spec: Forbidden: only cpu and memory resources are mutable/],
  },
] as const)
  test(`In-place Pod Resize: a change ${name}`, () => {
    const qosClass = name.includes("class") ? "Guaranteed" : "Burstable";
    const errors = strategy.validateSubresourceUpdate?.(
      "resize",
      changed(after, { qosClass }),
      changed(before, { qosClass }),
    );
    assertLines(lines(errors ?? []), want);
  });

const ended = (name: string) => ({ name, state: { terminated: { exitCode: 0 } } });
const again = (name: string) => ({ name, state: { running: {} } });

for (const { name, before = {}, after, spec = {}, want } of [
  {
    name: "a pod runs",
    after: { phase: "Running", podIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }] },
    want: [],
  },
  {
    name: "addresses are none",
    after: { podIPs: [{ ip: "x" }] },
    want: [
      'status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  },
  {
    name: "another class",
    after: { qosClass: "Guaranteed" },
    want: ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
  },
  {
    name: "a container that ended for good runs again",
    spec: { restartPolicy: "Never" },
    before: { containerStatuses: [ended("a")] },
    after: { containerStatuses: [again("a")] },
    want: [
      /^status\.containerStatuses\[0\]\.state: Forbidden: may not be transitioned to non-terminated state/,
    ],
  },
  {
    name: "a container that may restart runs again",
    before: { containerStatuses: [ended("a")] },
    after: { containerStatuses: [again("a")] },
    want: [],
  },
] as readonly {
  name: string;
  before?: object;
  after: object;
  spec?: object;
  want: readonly (string | RegExp)[];
}[])
  test(`Pods, patching status: a report that ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(
      lines(strategy.validateStatusUpdate?.(changed(spec, after), changed(spec, before)) ?? []),
      want,
    );
  });

for (const { name, spec, phase, requested, want } of [
  { name: "without a node goes at once", spec: {}, phase: "Pending", requested: undefined, want: 0 },
  { name: "that ended goes at once", spec: { nodeName: "n" }, phase: "Failed", requested: 30, want: 0 },
  {
    name: "that runs has the time it asks for",
    spec: { nodeName: "n", terminationGracePeriodSeconds: 7 },
    phase: "Running",
    requested: undefined,
    want: 7,
  },
  {
    name: "that runs has the time the request gives",
    spec: { nodeName: "n", terminationGracePeriodSeconds: 7 },
    phase: "Running",
    requested: 3,
    want: 3,
  },
  {
    name: "that runs can be killed at once",
    spec: { nodeName: "n" },
    phase: "Running",
    requested: 0,
    want: 0,
  },
  {
    name: "with a negative time has a second",
    spec: { nodeName: "n", terminationGracePeriodSeconds: -5 },
    phase: "Running",
    requested: undefined,
    want: 1,
  },
])
  test(`a deleted pod ${name}`, () => {
    assert.equal(strategy.gracePeriodSeconds?.(changed(spec, { phase }), requested), want);
  });

test("pods are bound to nodes only", () => {
  assert.deepEqual(lines(validateBinding({ target: { kind: "Node", name: "n" } })), []);
  assert.deepEqual(lines(validateBinding({ target: { kind: "Pod" } })), [
    'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
    "target.name: Required value",
  ]);
});
