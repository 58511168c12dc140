import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  type ChangeCase,
  created,
  createErrors,
  definitionOf,
  lines,
  objectOf,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const kinds = ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"] as const;
const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "a", image: "web:1" }] } };
const spec = { selector: { matchLabels: labels }, template };

/** The parts of a spec that are filled, without the template, which pods have tests for. */
function filledSpec(kind: string, more: object = {}) {
  const {
    template: _template,
    selector: _selector,
    ...rest
  } = withDefaults(objectOf("apps/v1", kind, { spec: { ...spec, ...more } })).spec as Record<string, unknown>;
  return rest;
}

for (const { kind, given, want } of [
  {
    kind: "Deployment",
    want: {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
    },
  },
  {
    kind: "Deployment",
    given: { replicas: 0, revisionHistoryLimit: 0, strategy: { type: "Recreate" } },
    want: {
      replicas: 0,
      revisionHistoryLimit: 0,
      progressDeadlineSeconds: 600,
      strategy: { type: "Recreate" },
    },
  },
  {
    kind: "Deployment",
    given: { strategy: { rollingUpdate: { maxSurge: 0 } } },
    want: {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: 0 } },
    },
  },
  { kind: "ReplicaSet", want: { replicas: 1 } },
  {
    kind: "DaemonSet",
    want: {
      revisionHistoryLimit: 10,
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    },
  },
  {
    kind: "DaemonSet",
    given: { updateStrategy: { type: "OnDelete" } },
    want: { revisionHistoryLimit: 10, updateStrategy: { type: "OnDelete" } },
  },
  {
    kind: "StatefulSet",
    want: {
      replicas: 1,
      revisionHistoryLimit: 10,
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
    },
  },
  {
    kind: "StatefulSet",
    given: {
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    },
    want: {
      replicas: 1,
      revisionHistoryLimit: 10,
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      volumeClaimTemplates: [
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: {}, volumeMode: "Filesystem" },
          status: { phase: "Pending" },
        },
      ],
    },
  },
] as readonly { kind: string; given?: object; want: object }[])
  test(`a ${kind} with ${JSON.stringify(given ?? "nothing special")} gets its defaults`, () => {
    assert.deepEqual(filledSpec(kind, given), want);
  });

for (const kind of kinds) {
  test(`a ${kind} gets no status from its author`, () => {
    const { status } = created("apps/v1", kind, { spec, status: { replicas: 5, observedGeneration: 3 } });
    const { replicas = 0, observedGeneration } = status as Record<string, number | undefined>;
    assert.deepEqual([replicas, observedGeneration], [0, undefined]);
  });

  test(`a ${kind} needs a selector that selects its own pods`, () => {
    const mismatch =
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`';
    assertLines(
      createErrors("apps/v1", kind, { spec: { template } }),
      kind === "DaemonSet" ? [mismatch] : ["spec.selector: Required value", mismatch],
    );
    assertLines(createErrors("apps/v1", kind, { spec: { ...spec, selector: {} } }), [
      /^spec\.selector: Invalid value: \{\}: empty selector is invalid for (deployment|daemonset|statefulset)$/,
    ]);
    assertLines(
      createErrors("apps/v1", kind, { spec: { ...spec, selector: { matchLabels: { app: "db" } } } }),
      [
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
      ],
    );
    assertLines(createErrors("apps/v1", kind, { spec }), []);
  });

  test(`a ${kind} keeps its selector`, () => {
    const changed = { metadata: { labels: { app: "web", x: "y" } }, spec: template.spec };
    const after = { selector: { matchLabels: { app: "web", x: "y" } }, template: changed };
    const errors = updateErrors("apps/v1", kind, { spec }, { spec: after });
    assertLines(errors, [
      kind === "StatefulSet"
        ? /^spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden$/
        : 'spec.selector: Invalid value: {"matchLabels":{"app":"web","x":"y"}}: field is immutable',
    ]);
  });

  test(`pods of a ${kind} are restarted always`, () => {
    const never = { ...template, spec: { ...template.spec, restartPolicy: "Never" } };
    assertLines(createErrors("apps/v1", kind, { spec: { ...spec, template: never } }), [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ]);
  });

  test(`what is wrong with a pod is wrong with the template of a ${kind}`, () => {
    const broken = { ...template, spec: { containers: [{ name: "a" }] } };
    assertLines(createErrors("apps/v1", kind, { spec: { ...spec, template: broken } }), [
      "spec.template.spec.containers[0].image: Required value",
    ]);
  });
}

test("the pods of a stateful set can mount the claims that are made for them", () => {
  const mounting = {
    ...template,
    spec: { containers: [{ name: "a", image: "b", volumeMounts: [{ name: "data", mountPath: "/d" }] }] },
  };
  const claim = {
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
  const errorsOf = (volumeClaimTemplates: readonly object[], volumes: readonly object[] = []) =>
    createErrors("apps/v1", "StatefulSet", {
      spec: {
        ...spec,
        template: { ...mounting, spec: { ...mounting.spec, volumes } },
        volumeClaimTemplates,
      },
    });
  assertLines(errorsOf([claim]), []);
  assertLines(errorsOf([claim], [{ name: "data", emptyDir: {} }]), []);
  assertLines(errorsOf([]), ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"']);
  assertLines(errorsOf([{ metadata: { name: "data" }, spec: {} }]), [
    "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
    "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
  ]);
});

test("a stateful set that was wrong already can be changed", () => {
  const wrong = {
    ...spec,
    template: { ...template, spec: { containers: [{ name: "a" }] } },
    volumeClaimTemplates: [{ metadata: { name: "data" }, spec: {} }],
  };
  const errorsOf = (before: object, after: object) =>
    updateErrors("apps/v1", "StatefulSet", { spec: before }, { spec: after });
  assertLines(errorsOf(wrong, { ...wrong, replicas: 3 }), []);
  assertLines(errorsOf(spec, { ...spec, template: wrong.template }), [
    "spec.template.spec.containers[0].image: Required value",
  ]);
  const badLabel = { ...wrong.template, metadata: { ...template.metadata, annotations: { "a b": "" } } };
  assertLines(errorsOf(wrong, { ...wrong, template: badLabel }), [
    /^spec\.template\.annotations: Invalid value: "a b"/,
  ]);
});

test("a stateful set's name makes names of hosts", () => {
  assert.deepEqual(definitionOf("apps/v1", "StatefulSet").checkName?.("a.b"), ["must not contain dots"]);
});

const refused: readonly (RefusedCase & { readonly kind: (typeof kinds)[number] })[] = [
  {
    kind: "Deployment",
    name: "with negative replicas",
    spec: { replicas: -1 },
    want: ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
  },
  {
    kind: "Deployment",
    name: "that can neither take away nor add a pod",
    spec: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } } },
    want: [
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
    ],
  },
  {
    kind: "Deployment",
    name: "that recreates and rolls",
    spec: { strategy: { type: "Recreate", rollingUpdate: {} } },
    want: ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  },
  {
    kind: "Deployment",
    name: "with an unknown strategy",
    spec: { strategy: { type: "Slowly" } },
    want: [
      'spec.strategy: Unsupported value: {"Type":"Slowly","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
  },
  {
    kind: "Deployment",
    name: "that gives up before a pod can be available",
    spec: { progressDeadlineSeconds: 10, minReadySeconds: 10 },
    want: ["spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"],
  },
  {
    kind: "Deployment",
    name: "with more than all its pods unavailable",
    spec: { strategy: { rollingUpdate: { maxUnavailable: "101%" } } },
    want: [
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
  },
  {
    kind: "DaemonSet",
    name: "that adds and takes away at once",
    spec: { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } },
    want: [
      "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
    ],
  },
  {
    kind: "DaemonSet",
    name: "that can do neither",
    spec: { updateStrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } },
    want: [
      "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
    ],
  },
  {
    kind: "StatefulSet",
    name: "with an unknown management of pods",
    spec: { podManagementPolicy: "Random" },
    want: ["spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'"],
  },
  {
    kind: "StatefulSet",
    name: "with a partition below zero",
    spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: -1 } } },
    want: [
      "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
    ],
  },
  {
    kind: "StatefulSet",
    name: "that keeps claims in an unknown way",
    spec: { persistentVolumeClaimRetentionPolicy: { whenScaled: "Sell" } },
    want: [
      'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Sell": supported values: "Retain", "Delete"',
    ],
  },
];

for (const { kind, name, spec: more, want } of refused)
  test(`a ${kind} ${name} is refused in upstream's words`, () => {
    assertLines(createErrors("apps/v1", kind, { spec: { ...spec, ...more } }), want);
  });

const changes: readonly ChangeCase[] = [
  {
    name: "its replicas, template and strategy",
    after: { replicas: 3, minReadySeconds: 1, updateStrategy: { type: "OnDelete" } },
    want: [],
  },
  {
    name: "the name of its service",
    before: { serviceName: "a" },
    after: { serviceName: "b" },
    want: [/^spec: Forbidden: updates to statefulset spec/],
  },
  {
    name: "its claims",
    after: { volumeClaimTemplates: [{ metadata: { name: "x" }, spec: { accessModes: ["ReadWriteOnce"] } }] },
    want: [/^spec: Forbidden: updates to statefulset spec/],
  },
];

for (const { name, before, after, want } of changes)
  test(`a StatefulSet that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(
      updateErrors(
        "apps/v1",
        "StatefulSet",
        { spec: { ...spec, ...before } },
        { spec: { ...spec, ...after } },
      ),
      want,
    );
  });

test("a status that contradicts itself is refused", () => {
  const { strategy } = definitionOf("apps/v1", "Deployment");
  const old = created("apps/v1", "Deployment", { spec });
  const status = { replicas: 1, readyReplicas: 2, availableReplicas: -1, collisionCount: 0 };
  assertLines(
    lines(
      strategy.validateStatusUpdate?.({ ...old, status }, { ...old, status: { collisionCount: 1 } }) ?? [],
    ),
    [
      "status.availableReplicas: Invalid value: -1: must be greater than or equal to 0",
      "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
      "status.collisionCount: Invalid value: 0: cannot be decremented",
    ],
  );
});

const rows: readonly { kind: string; more?: object; status: object; want: object }[] = [
  {
    kind: "Deployment",
    more: { replicas: 3 },
    status: { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
    want: {
      Ready: "2/3",
      "Up-to-date": 1,
      Available: 2,
      Containers: "a",
      Images: "web:1",
      Selector: "app=web",
    },
  },
  {
    kind: "ReplicaSet",
    more: { replicas: 3 },
    status: { replicas: 2, readyReplicas: 1 },
    want: { Desired: 3, Current: 2, Ready: 1, Containers: "a", Images: "web:1", Selector: "app=web" },
  },
  {
    kind: "DaemonSet",
    status: {
      desiredNumberScheduled: 5,
      currentNumberScheduled: 4,
      numberReady: 3,
      updatedNumberScheduled: 2,
      numberAvailable: 1,
    },
    want: {
      Desired: 5,
      Current: 4,
      Ready: 3,
      "Up-to-date": 2,
      Available: 1,
      "Node Selector": "<none>",
      Containers: "a",
      Images: "web:1",
      Selector: "app=web",
    },
  },
  {
    kind: "StatefulSet",
    more: { replicas: 2 },
    status: { readyReplicas: 1 },
    want: { Ready: "1/2", Containers: "a", Images: "web:1" },
  },
];

for (const { kind, more = {}, status, want } of rows)
  test(`kubectl get -o wide shows a ${kind} as upstream does`, () => {
    assert.deepEqual(
      rowOf(withDefaults(objectOf("apps/v1", kind, { spec: { ...spec, ...more }, status }))),
      want,
    );
  });

for (const kind of ["Deployment", "ReplicaSet", "StatefulSet"])
  test(`a ${kind} can be scaled`, () => {
    const { scale } = definitionOf("apps/v1", kind);
    const object = objectOf("apps/v1", kind, { spec: { ...spec, replicas: 2 }, status: { replicas: 1 } });
    assert.deepEqual(
      [scale?.replicas(object), scale?.statusReplicas(object), scale?.selector(object)],
      [2, 1, "app=web"],
    );
    const scaled = scale?.withReplicas(object, 5);
    assert.deepEqual(scaled?.spec, { ...spec, replicas: 5 });
  });

test("a revision keeps its data and is shown with its owner", () => {
  const owner = { apiVersion: "apps/v1", kind: "StatefulSet", name: "web", uid: "u", controller: true };
  const parts = { data: { a: 1 }, revision: 3, metadata: { ownerReferences: [owner] } };
  assert.deepEqual(rowOf(objectOf("apps/v1", "ControllerRevision", parts)), {
    Controller: "statefulset.apps/web",
    Revision: 3,
  });
  assertLines(
    updateErrors("apps/v1", "ControllerRevision", parts, { ...parts, data: { a: 2 }, revision: 4 }),
    ['data: Invalid value: {"a":2}: field is immutable'],
  );
  assertLines(createErrors("apps/v1", "ControllerRevision", { revision: -1 }), [
    "data: Required value: data is mandatory",
    "revision: Invalid value: -1: must be greater than or equal to 0",
  ]);
});
