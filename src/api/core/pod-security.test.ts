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

const container = { name: "a", image: "web:1" };
const appArmor = "container.apparmor.security.beta.kubernetes.io/a";
const seccomp = "container.seccomp.security.alpha.kubernetes.io/a";

interface Case {
  readonly name: string;
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "of an unknown system",
    spec: { os: { name: "plan9" } },
    want: ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
  },
  {
    name: "of a system without a name",
    spec: { os: {} },
    want: ["spec.os.name: Required value"],
  },
  {
    name: "of users that Windows does not know",
    spec: {
      securityContext: { windowsOptions: { runAsUserName: "a\\b\\c", gmsaCredentialSpec: "" } },
      containers: [{ ...container, securityContext: { windowsOptions: { runAsUserName: "...\\" } } }],
    },
    want: [
      "spec.containers[0].securityContext.windowsOptions.runAsUserName: Invalid value: \"...\\\\\": runAsUserName's Domain doesn't match the NetBios nor the DNS format",
      'spec.containers[0].securityContext.windowsOptions.runAsUserName: Invalid value: "...\\\\": runAsUserName\'s User cannot be empty',
      'spec.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string',
      'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash',
    ],
  },
  {
    name: "in which only some containers are the host's",
    spec: {
      containers: [
        { ...container, securityContext: { windowsOptions: { hostProcess: true } } },
        { name: "b", image: "x" },
      ],
    },
    want: [
      'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
      "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
    ],
  },
  {
    name: "with broken tolerations in an annotation",
    annotations: { "scheduler.alpha.kubernetes.io/tolerations": "[{]" },
    want: [
      `metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/tolerations": invalid character ']' looking for beginning of object key string`,
    ],
  },
  {
    name: "with wrong tolerations in an annotation",
    annotations: { "scheduler.alpha.kubernetes.io/tolerations": '[{"key":"a","operator":"Maybe"}]' },
    want: [
      'metadata.annotations.scheduler.alpha.kubernetes.io/tolerations[0].operator: Unsupported value: "Maybe": supported values: "Equal", "Exists"',
    ],
  },
  {
    name: "with profiles of no known form in annotations",
    annotations: { [appArmor]: "mine", [`${appArmor}b`]: "unconfined", [seccomp]: "localhost/../x" },
    want: [
      `metadata.annotations[${appArmor}]: Invalid value: "mine": invalid AppArmor profile name: "mine"`,
      `metadata.annotations[${appArmor}b]: Invalid value: "ab": container not found`,
      `metadata.annotations.${seccomp}: Invalid value: "../x": must not contain '..'`,
    ],
  },
  {
    name: "whose annotations contradict its fields",
    annotations: { [appArmor]: "unconfined", [seccomp]: "localhost/one" },
    spec: {
      containers: [
        {
          ...container,
          securityContext: {
            appArmorProfile: { type: "RuntimeDefault" },
            seccompProfile: { type: "Localhost", localhostProfile: "two" },
          },
        },
      ],
    },
    want: [
      "spec.containers[0].securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match",
      "spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match",
    ],
  },
];

for (const { name, spec, annotations, want } of cases)
  test(`a pod ${name} is refused in upstream's words`, () => {
    const parts: Parts = {
      ...(annotations === undefined ? {} : { metadata: { annotations } }),
      spec: { containers: [container], ...spec },
    };
    assertLines(createErrors("v1", "Pod", parts), want);
  });

test("the template of a workload is judged by its annotations too", () => {
  const template = {
    metadata: { labels: { a: "b" }, annotations: { "controller.kubernetes.io/pod-deletion-cost": "much" } },
    spec: { containers: [container] },
  };
  const spec = { selector: { matchLabels: { a: "b" } }, template };
  for (const kind of ["Deployment", "StatefulSet"])
    assertLines(createErrors("apps/v1", kind, { spec }), [
      'spec.template.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "much": must be a 32bit integer',
    ]);
});

test("a profile in an annotation stays as it was made", () => {
  const securityContext = { appArmorProfile: { type: "Unconfined" } };
  const spec = { containers: [{ ...container, securityContext }] };
  const before = { metadata: { annotations: { [appArmor]: "unconfined" } }, spec };
  assertLines(updateErrors("v1", "Pod", before, { spec }), [
    `metadata.annotations[${appArmor}]: Forbidden: may not remove or update AppArmor annotations`,
  ]);
  assertLines(updateErrors("v1", "Pod", { spec }, before), [
    `metadata.annotations[${appArmor}]: Forbidden: may not add AppArmor annotations`,
  ]);
});

test("an image that goes is told twice, as upstream tells it", () => {
  const after = { spec: { containers: [{ name: "a" }] } };
  assertLines(updateErrors("v1", "Pod", { spec: { containers: [container] } }, after).slice(0, 2), [
    "spec.containers[0].image: Required value",
    "spec.containers[0].image: Required value",
  ]);
});

const devices = { resources: { requests: { "example.com/gpu": "1" }, limits: { "example.com/gpu": "1" } } };

for (const { name, status, want } of [
  {
    name: "two addresses of one family, one of them twice",
    status: { podIPs: [{ ip: "10.0.0.1" }, { ip: "10.0.0.1" }], podIP: "10.0.0.1" },
    want: [
      'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.1"}]: may specify no more than one IP for each IP family',
      'status.podIPs[1]: Duplicate value: {"IP":"10.0.0.1"}',
    ],
  },
  {
    name: "a claim that it does not have",
    status: { resourceClaimStatuses: [{ name: "gpu" }] },
    want: [
      'status.resourceClaimStatuses[0].name: Invalid value: "gpu": must match the name of an entry in `spec.resourceClaims`',
    ],
  },
  {
    name: "a user that cannot be, and a device nobody asked for",
    status: {
      containerStatuses: [
        {
          name: "a",
          user: { linux: { uid: -1, gid: 0 } },
          allocatedResourcesStatus: [
            { name: "example.com/gpu", resources: [{ resourceID: "x", health: "Fine" }] },
            { name: "example.com/other" },
          ],
        },
      ],
    },
    want: [
      "status.containerStatuses[0].user.linux.uid: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      'status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health: Unsupported value: "Fine": supported values: "Healthy", "Unhealthy", "Unknown"',
      'status.containerStatuses[0].allocatedResourcesStatus[1].name: Invalid value: "example.com/other": must match one of the container\'s resource requests',
    ],
  },
])
  test(`a report that a pod has ${name} is refused in upstream's words`, () => {
    const old = created("v1", "Pod", { spec: { containers: [{ ...container, ...devices }] } });
    const { strategy } = definitionOf("v1", "Pod");
    const reported = frozen({ ...old, status: { ...(old.status as object), ...status } });
    assertLines(lines(strategy.validateStatusUpdate?.(reported, old) ?? []), want);
  });

test("a report leaves what it does not know: the pod's class, and which generation was seen", () => {
  const { strategy } = definitionOf("v1", "Pod");
  const pod = created("v1", "Pod", { spec: { containers: [container] } });
  const ready = { type: "Ready", status: "True" };
  const old = frozen({
    ...pod,
    status: {
      qosClass: "BestEffort",
      observedGeneration: 2,
      conditions: [{ ...ready, observedGeneration: 2 }],
    },
  });
  const reported = frozen({ ...pod, status: { phase: "Running", conditions: [ready] } });
  const kept = strategy.prepareForStatusUpdate?.(reported, old) as { status?: object };
  assertLines(
    [JSON.stringify(kept.status)],
    [
      '{"phase":"Running","conditions":[{"type":"Ready","status":"True","observedGeneration":2}],"qosClass":"BestEffort","observedGeneration":2}',
    ],
  );
});

const shown = (pod: object) => JSON.stringify((pod as { spec: { affinity?: object } }).spec);

test("a pod's own values join the selectors that name keys of its labels, when it is made", () => {
  const labelSelector = { matchLabels: { app: "web" } };
  const term = { topologyKey: "zone", labelSelector, matchLabelKeys: ["rev"], mismatchLabelKeys: ["tenant"] };
  const parts = {
    metadata: { labels: { rev: "2", tenant: "t" } },
    spec: {
      containers: [container],
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
    },
  };
  assertLines(createErrors("v1", "Pod", parts), []);
  const made = shown(created("v1", "Pod", parts));
  const want =
    '"matchExpressions":[{"key":"rev","operator":"In","values":["2"]},{"key":"tenant","operator":"NotIn","values":["t"]}]';
  assertLines([made.includes(want) ? want : made], [want]);
});
