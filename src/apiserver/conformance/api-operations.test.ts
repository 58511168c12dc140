import { after, before, test } from "node:test";
import { type ApiOperations, runOperations } from "../test-support/operations.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

const podSpec = { containers: [{ name: "c", image: "i" }] };
const template = (name: string) => ({ metadata: { labels: { app: name } }, spec: podSpec });
const workload = (name: string) => ({ selector: { matchLabels: { app: name } }, template: template(name) });
const condition = (type: string) => ({
  type,
  status: "True",
  reason: "E2E",
  message: "Set from a test",
  lastTransitionTime: "2026-01-01T00:00:00Z",
});
const hasCondition = (status: Record<string, unknown>) =>
  (status.conditions as { reason?: string }[]).some(({ reason }) => reason === "E2E");
const conditionStatus = (type: string) => ({ patch: { conditions: [condition(type)] }, shows: hasCondition });
const rules = {
  resourceRules: [
    { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] },
  ],
};

const cases: readonly (ApiOperations & { readonly title: string })[] = [
  {
    title: "Priority and Fairness FlowSchema API",
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    plural: "flowschemas",
    kind: "FlowSchema",
    namespaced: false,
    sample: () => ({
      spec: {
        priorityLevelConfiguration: { name: "global-default" },
        matchingPrecedence: 10000,
        distinguisherMethod: { type: "ByUser" },
        rules: [
          {
            subjects: [{ kind: "User", user: { name: "example-e2e-non-existent-user" } }],
            nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
          },
        ],
      },
    }),
    change: {
      patch: { spec: { matchingPrecedence: 9999 } },
      shows: ({ spec }) => (spec as { matchingPrecedence: number }).matchingPrecedence === 9999,
    },
    status: {
      patch: { conditions: [{ type: "PatchStatusFailed", status: "False", reason: "E2E" }] },
      shows: hasCondition,
    },
  },
  {
    title: "Priority and Fairness PriorityLevelConfiguration API",
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    plural: "prioritylevelconfigurations",
    kind: "PriorityLevelConfiguration",
    namespaced: false,
    sample: () => ({
      spec: { type: "Limited", limited: { nominalConcurrencyShares: 2, limitResponse: { type: "Reject" } } },
    }),
    change: {
      patch: { spec: { limited: { nominalConcurrencyShares: 4 } } },
      shows: ({ spec }) =>
        (spec as { limited: { nominalConcurrencyShares: number } }).limited.nominalConcurrencyShares === 4,
    },
    status: {
      patch: { conditions: [{ type: "PatchStatusFailed", status: "False", reason: "E2E" }] },
      shows: hasCondition,
    },
  },
  {
    title: "ValidatingAdmissionPolicy API",
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "validatingadmissionpolicies",
    kind: "ValidatingAdmissionPolicy",
    namespaced: false,
    sample: () => ({
      spec: {
        matchConstraints: rules,
        validations: [{ expression: "object.spec.replicas > 1", message: "too few" }],
      },
    }),
    status: conditionStatus("Ready"),
  },
  {
    title: "ValidatingadmissionPolicyBinding API",
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "validatingadmissionpolicybindings",
    kind: "ValidatingAdmissionPolicyBinding",
    namespaced: false,
    sample: () => ({ spec: { policyName: "replicalimit-policy.example.com", validationActions: ["Deny"] } }),
  },
  {
    title: "MutatingAdmissionPolicy API",
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "mutatingadmissionpolicies",
    kind: "MutatingAdmissionPolicy",
    namespaced: false,
    sample: () => ({
      spec: {
        matchConstraints: rules,
        reinvocationPolicy: "Never",
        failurePolicy: "Fail",
        mutations: [
          {
            patchType: "ApplyConfiguration",
            applyConfiguration: { expression: 'Object{metadata: Object.metadata{labels: {"a": "b"}}}' },
          },
        ],
      },
    }),
  },
  {
    title: "MutatingAdmissionPolicyBinding API",
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "mutatingadmissionpolicybindings",
    kind: "MutatingAdmissionPolicyBinding",
    namespaced: false,
    sample: () => ({ spec: { policyName: "replicalimit-policy.example.com" } }),
  },
  {
    title: "ControllerRevision, resource lifecycle",
    group: "apps",
    version: "v1",
    plural: "controllerrevisions",
    kind: "ControllerRevision",
    namespaced: true,
    sample: () => ({ data: { spec: { template: { a: "b" } } }, revision: 1 }),
    change: { patch: { revision: 3 }, shows: ({ revision }) => revision === 3 },
  },
  {
    title: "CronJob API Operations",
    group: "batch",
    version: "v1",
    plural: "cronjobs",
    kind: "CronJob",
    namespaced: true,
    sample: () => ({
      spec: {
        schedule: "*/1 * * * ?",
        jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "OnFailure" } } } },
      },
    }),
    status: {
      patch: { lastScheduleTime: "2026-01-01T00:00:00Z" },
      shows: ({ lastScheduleTime }) => lastScheduleTime === "2026-01-01T00:00:00Z",
    },
  },
  {
    title: "Jobs, apply changes to status",
    group: "batch",
    version: "v1",
    plural: "jobs",
    kind: "Job",
    namespaced: true,
    sample: () => ({ spec: { suspend: true, template: { spec: { ...podSpec, restartPolicy: "Never" } } } }),
    status: {
      patch: {
        conditions: [
          {
            type: "CustomConditionType",
            status: "True",
            reason: "E2E",
            lastTransitionTime: "2026-01-01T00:00:00Z",
          },
        ],
      },
      shows: hasCondition,
    },
  },
  {
    title: "DaemonSet, list and delete a collection of DaemonSets; DaemonSet, status sub-resource",
    group: "apps",
    version: "v1",
    plural: "daemonsets",
    kind: "DaemonSet",
    namespaced: true,
    sample: (name) => ({ spec: workload(name) }),
    status: conditionStatus("StatusUpdate"),
  },
  {
    title: "ReplicaSet, list and delete a collection of ReplicaSets",
    group: "apps",
    version: "v1",
    plural: "replicasets",
    kind: "ReplicaSet",
    namespaced: true,
    sample: (name) => ({ spec: { replicas: 1, ...workload(name) } }),
    change: {
      patch: { spec: { replicas: 2 } },
      shows: ({ spec }) => (spec as { replicas: number }).replicas === 2,
    },
    status: conditionStatus("StatusUpdate"),
  },
  {
    title: "StatefulSet, list, patch and delete a collection of StatefulSets",
    group: "apps",
    version: "v1",
    plural: "statefulsets",
    kind: "StatefulSet",
    namespaced: true,
    sample: (name) => ({ spec: { replicas: 1, serviceName: "s", ...workload(name) } }),
    change: {
      patch: { spec: { replicas: 2 } },
      shows: ({ spec }) => (spec as { replicas: number }).replicas === 2,
    },
    status: conditionStatus("StatusUpdate"),
  },
  {
    title: "PodDisruptionBudget: list and delete collection; PodDisruptionBudget: update and patch status",
    group: "policy",
    version: "v1",
    plural: "poddisruptionbudgets",
    kind: "PodDisruptionBudget",
    namespaced: true,
    sample: () => ({ spec: { minAvailable: 1, selector: { matchLabels: { foo: "bar" } } } }),
    change: {
      patch: { spec: { minAvailable: 2 } },
      shows: ({ spec }) => (spec as { minAvailable: number }).minAvailable === 2,
    },
    status: {
      patch: {
        disruptedPods: { pod: "2026-01-01T00:00:00Z" },
        disruptionsAllowed: 0,
        currentHealthy: 0,
        desiredHealthy: 0,
        expectedPods: 0,
      },
      shows: ({ disruptedPods }) => Object.keys((disruptedPods as object) ?? {}).includes("pod"),
    },
  },
  {
    title: "ServiceAccount lifecycle test",
    group: "",
    version: "v1",
    plural: "serviceaccounts",
    kind: "ServiceAccount",
    namespaced: true,
    sample: () => ({}),
    change: {
      patch: { automountServiceAccountToken: false },
      shows: ({ automountServiceAccountToken }) => automountServiceAccountToken === false,
    },
  },
  {
    title: "EndpointSlice API",
    group: "discovery.k8s.io",
    version: "v1",
    plural: "endpointslices",
    kind: "EndpointSlice",
    namespaced: true,
    sample: () => ({
      addressType: "IPv4",
      endpoints: [{ addresses: ["1.2.3.4", "5.6.7.8"] }],
      ports: [{ name: "p", port: 80 }],
    }),
  },
  {
    title: "Endpoint resource lifecycle",
    group: "",
    version: "v1",
    plural: "endpoints",
    kind: "Endpoints",
    namespaced: true,
    sample: () => ({
      subsets: [{ addresses: [{ ip: "10.0.0.24" }], ports: [{ name: "http", port: 80, protocol: "TCP" }] }],
    }),
    change: {
      patch: {
        subsets: [
          { addresses: [{ ip: "10.0.0.25" }], ports: [{ name: "http-test", port: 8080, protocol: "TCP" }] },
        ],
      },
      shows: ({ subsets }) => JSON.stringify(subsets).includes("10.0.0.25"),
    },
  },
  {
    title: "Ingress API",
    group: "networking.k8s.io",
    version: "v1",
    plural: "ingresses",
    kind: "Ingress",
    namespaced: true,
    sample: () => ({
      spec: { defaultBackend: { service: { name: "default-backend", port: { number: 8080 } } } },
    }),
    status: {
      patch: { loadBalancer: { ingress: [{ ip: "169.1.1.1" }] } },
      shows: (status) => JSON.stringify(status).includes("169.1.1.1"),
    },
  },
  {
    title: "IngressClass API",
    group: "networking.k8s.io",
    version: "v1",
    plural: "ingressclasses",
    kind: "IngressClass",
    namespaced: false,
    sample: () => ({ spec: { controller: "example.com/controller" } }),
  },
  {
    title: "IPAddress API",
    group: "networking.k8s.io",
    version: "v1",
    plural: "ipaddresses",
    kind: "IPAddress",
    namespaced: false,
    nameOf: (index) => `192.168.1.${index + 1}`,
    sample: () => ({
      spec: { parentRef: { group: "", resource: "services", namespace: "default", name: "foo" } },
    }),
  },
  {
    title: "ServiceCIDR API",
    group: "networking.k8s.io",
    version: "v1",
    plural: "servicecidrs",
    kind: "ServiceCIDR",
    namespaced: false,
    sample: () => ({ spec: { cidrs: ["10.1.1.0/24"] } }),
    status: conditionStatus("Ready"),
  },
  {
    title: "Service, complete ServiceStatus lifecycle; Service, deletes a collection of services",
    group: "",
    version: "v1",
    plural: "services",
    kind: "Service",
    namespaced: true,
    sample: () => ({ spec: { type: "LoadBalancer", ports: [{ name: "http", port: 80, targetPort: 80 }] } }),
    status: {
      patch: { loadBalancer: { ingress: [{ ip: "203.0.113.1" }] }, conditions: [condition("StatusUpdate")] },
      shows: (status) => hasCondition(status) && JSON.stringify(status.loadBalancer).includes("203.0.113.1"),
    },
  },
  {
    title: "ConfigMap lifecycle",
    group: "",
    version: "v1",
    plural: "configmaps",
    kind: "ConfigMap",
    namespaced: true,
    sample: () => ({ data: { valueName: "value" } }),
    change: {
      patch: { data: { valueName: "value1" } },
      shows: ({ data }) => (data as { valueName: string }).valueName === "value1",
    },
  },
  {
    title: "Secret patching",
    group: "",
    version: "v1",
    plural: "secrets",
    kind: "Secret",
    namespaced: true,
    sample: () => ({ data: { key: "dmFsdWU=" }, type: "Opaque" }),
    change: {
      patch: { data: { key: "dmFsdWUx" } },
      shows: ({ data }) => (data as { key: string }).key === "dmFsdWUx",
    },
  },
  {
    title: "lease API should be available",
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    kind: "Lease",
    namespaced: true,
    sample: () => ({
      spec: {
        holderIdentity: "holder",
        leaseDurationSeconds: 30,
        acquireTime: "2026-01-01T00:00:00.000000Z",
        leaseTransitions: 0,
      },
    }),
    change: {
      patch: { spec: { leaseDurationSeconds: 60 } },
      shows: ({ spec }) => (spec as { leaseDurationSeconds: number }).leaseDurationSeconds === 60,
    },
  },
  {
    title: "Node, resource lifecycle",
    group: "",
    version: "v1",
    plural: "nodes",
    kind: "Node",
    namespaced: false,
    sample: () => ({ status: { phase: "Running" } }),
    status: {
      patch: { conditions: [{ ...condition("Conformance"), lastHeartbeatTime: "2026-01-01T00:00:00Z" }] },
      shows: hasCondition,
    },
  },
  {
    title: "PodTemplate lifecycle; PodTemplate, delete a collection; PodTemplate, replace",
    group: "",
    version: "v1",
    plural: "podtemplates",
    kind: "PodTemplate",
    namespaced: true,
    sample: (name) => ({ template: template(name) }),
  },
  {
    title: "RuntimeClass API",
    group: "node.k8s.io",
    version: "v1",
    plural: "runtimeclasses",
    kind: "RuntimeClass",
    namespaced: false,
    sample: () => ({ handler: "test-handler" }),
  },
  {
    title: "Scheduler, Verify PriorityClass endpoints",
    group: "scheduling.k8s.io",
    version: "v1",
    plural: "priorityclasses",
    kind: "PriorityClass",
    namespaced: false,
    sample: () => ({ value: 1, description: "d" }),
    change: { patch: { description: "updated" }, shows: ({ description }) => description === "updated" },
  },
  {
    title: "LimitRange, list, patch and delete a LimitRange by collection",
    group: "",
    version: "v1",
    plural: "limitranges",
    kind: "LimitRange",
    namespaced: true,
    sample: () => ({
      spec: { limits: [{ type: "Container", defaultRequest: { cpu: "50m" }, max: { cpu: "500m" } }] },
    }),
    change: {
      patch: { spec: { limits: [{ type: "Container", max: { cpu: "300m" } }] } },
      shows: ({ spec }) => JSON.stringify(spec).includes('"300m"'),
    },
  },
  {
    title:
      "ResourceQuota, manage lifecycle of a ResourceQuota; ResourceQuota, apply changes to a ResourceQuota status",
    group: "",
    version: "v1",
    plural: "resourcequotas",
    kind: "ResourceQuota",
    namespaced: true,
    sample: () => ({ spec: { hard: { cpu: "500m" } } }),
    change: {
      patch: { spec: { hard: { cpu: "600m" } } },
      shows: ({ spec }) => JSON.stringify(spec).includes('"600m"'),
    },
    status: {
      patch: { hard: { memory: "1Gi" } },
      shows: ({ hard }) => (hard as { memory: string }).memory === "1Gi",
    },
  },
  {
    title: "CSIDriver, lifecycle",
    group: "storage.k8s.io",
    version: "v1",
    plural: "csidrivers",
    kind: "CSIDriver",
    namespaced: false,
    sample: () => ({
      spec: { attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: ["Ephemeral"] },
    }),
  },
  {
    title: "CSINode, lifecycle",
    group: "storage.k8s.io",
    version: "v1",
    plural: "csinodes",
    kind: "CSINode",
    namespaced: false,
    sample: () => ({ spec: { drivers: [] } }),
  },
  {
    title: "CSIStorageCapacity API",
    group: "storage.k8s.io",
    version: "v1",
    plural: "csistoragecapacities",
    kind: "CSIStorageCapacity",
    namespaced: true,
    sample: () => ({ storageClassName: "class", capacity: "1Gi", nodeTopology: { matchLabels: { a: "b" } } }),
    change: { patch: { capacity: "2Gi" }, shows: ({ capacity }) => capacity === "2Gi" },
  },
  {
    title: "StorageClass, lifecycle",
    group: "storage.k8s.io",
    version: "v1",
    plural: "storageclasses",
    kind: "StorageClass",
    namespaced: false,
    sample: () => ({ provisioner: "e2e-fake-provisioner" }),
  },
  {
    title: "VolumeAttachment, lifecycle; VolumeAttachment, apply changes to a volumeattachment status",
    group: "storage.k8s.io",
    version: "v1",
    plural: "volumeattachments",
    kind: "VolumeAttachment",
    namespaced: false,
    sample: () => ({
      spec: { attacher: "e2e-test.example.com", nodeName: "node", source: { persistentVolumeName: "pv" } },
    }),
    status: { patch: { attached: true }, shows: ({ attached }) => attached === true },
  },
  {
    title: "VolumeAttributesClass, lifecycle",
    group: "storage.k8s.io",
    version: "v1",
    plural: "volumeattributesclasses",
    kind: "VolumeAttributesClass",
    namespaced: false,
    sample: () => ({ driverName: "e2e-fake-csi-driver", parameters: { iops: "3000" } }),
  },
  {
    title:
      "PersistentVolumes(Claims), lifecycle; PersistentVolumes(Claims), apply changes to a pv/pvc status",
    group: "",
    version: "v1",
    plural: "persistentvolumes",
    kind: "PersistentVolume",
    namespaced: false,
    sample: () => ({
      spec: { capacity: { storage: "3M" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/tmp/data" } },
    }),
    status: {
      patch: { phase: "Failed", message: "StatusPatched", reason: "E2E" },
      shows: ({ message }) => message === "StatusPatched",
    },
  },
  {
    title: "Pods, delete a collection; Pods, patching status",
    group: "",
    version: "v1",
    plural: "pods",
    kind: "Pod",
    namespaced: true,
    sample: () => ({ spec: podSpec }),
    status: {
      patch: { message: "Patched by a test", reason: "E2E" },
      shows: ({ message }) => message === "Patched by a test",
    },
  },
  {
    title:
      "New Event resource lifecycle, testing a single event; New Event resource lifecycle, testing a list of events",
    group: "events.k8s.io",
    version: "v1",
    plural: "events",
    kind: "Event",
    namespaced: true,
    sample: () => ({
      regarding: { namespace: "default", kind: "Pod", name: "p" },
      eventTime: "2026-01-01T00:00:00.000000Z",
      note: "This is a test",
      reason: "Test",
      action: "Do",
      type: "Normal",
      reportingController: "test-controller",
      reportingInstance: "test-node",
    }),
    change: {
      patch: { series: { count: 2, lastObservedTime: "2026-01-01T00:00:01.000000Z" } },
      shows: ({ series }) => (series as { count: number }).count === 2,
    },
  },
  {
    title: "Event, manage lifecycle of an Event; Event, delete a collection",
    group: "",
    version: "v1",
    plural: "events",
    kind: "Event",
    namespaced: true,
    sample: () => ({
      involvedObject: { namespace: "default", kind: "Pod", name: "p" },
      message: "This is a test event",
      reason: "Test",
      type: "Normal",
      count: 1,
    }),
    change: {
      patch: { message: "This is an updated event" },
      shows: ({ message }) => message === "This is an updated event",
    },
  },
];

for (const { title, ...resource } of cases) {
  test(`${title}: operations of ${resource.plural}.${resource.group}`, () => runOperations(server, resource));
}
