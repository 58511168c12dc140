import assert from "node:assert/strict";
import { test } from "node:test";
import type { Column } from "./definition.ts";
import { builtInDefinitions } from "./registry.ts";
import { definitionOf, nowMs, objectOf, type Parts, rowOf } from "./test-support/objects.ts";

/** What kube-apiserver 1.36 answers: `+` is shown only with `-o wide`; the type, where it is not a string; the format. */
const facts = `
  apiservices.apiregistration.k8s.io: Name:name | Service | Available | Age
  certificatesigningrequests.certificates.k8s.io: Name:name | Age | SignerName | Requestor | RequestedDuration | Condition
  clusterrolebindings.rbac.authorization.k8s.io: Name:name | Role | Age | +Users | +Groups | +ServiceAccounts
  clusterroles.rbac.authorization.k8s.io: Name:name | Created At:date
  componentstatuses: Name:name | Status | Message | Error
  configmaps: Name:name | Data | Age
  controllerrevisions.apps: Name:name | Controller | Revision | Age
  cronjobs.batch: Name:name | Schedule | Timezone | Suspend:bool | Active:int | Last Schedule | Age | +Containers | +Images | +Selector
  csidrivers.storage.k8s.io: Name:name | AttachRequired:bool | PodInfoOnMount:bool | StorageCapacity:bool | TokenRequests | RequiresRepublish:bool | Modes | Age
  csinodes.storage.k8s.io: Name:name | Drivers:int | Age
  csistoragecapacities.storage.k8s.io: Name:name | Created At:date
  customresourcedefinitions.apiextensions.k8s.io: Name:name | Created At:date
  daemonsets.apps: Name:name | Desired:int | Current:int | Ready:int | Up-to-date:int | Available:int | Node Selector | Age | +Containers | +Images | +Selector
  deployments.apps: Name:name | Ready | Up-to-date | Available | Age | +Containers | +Images | +Selector
  deviceclasses.resource.k8s.io: Name:name | Age
  endpoints: Name:name | Endpoints | Age
  endpointslices.discovery.k8s.io: Name:name | AddressType | Ports | Endpoints | Age
  events.events.k8s.io: Last Seen | Type | Reason | Object | +Subobject | +Source | Message | +First Seen | +Count | +Name:name
  events: Last Seen | Type | Reason | Object | +Subobject | +Source | Message | +First Seen | +Count | +Name:name
  flowschemas.flowcontrol.apiserver.k8s.io: Name:name | PriorityLevel | MatchingPrecedence | DistinguisherMethod | Age | MissingPL
  horizontalpodautoscalers.autoscaling: Name:name | Reference | Targets | MinPods | MaxPods | Replicas | Age
  ingressclasses.networking.k8s.io: Name:name | Controller | Parameters | Age
  ingresses.networking.k8s.io: Name:name | Class | Hosts | Address | Ports | Age
  ipaddresses.networking.k8s.io: Name:name | ParentRef
  jobs.batch: Name:name | Status | Completions | Duration | Age | +Containers | +Images | +Selector
  leases.coordination.k8s.io: Name:name | Holder | Age
  limitranges: Name:name | Created At:date
  mutatingadmissionpolicies.admissionregistration.k8s.io: Name:name | Mutations:int | ParamKind | Age
  mutatingadmissionpolicybindings.admissionregistration.k8s.io: Name:name | PolicyName | ParamRef | Age
  mutatingwebhookconfigurations.admissionregistration.k8s.io: Name:name | Webhooks:int | Age
  namespaces: Name:name | Status | Age
  networkpolicies.networking.k8s.io: Name:name | Pod-Selector | Age
  nodes: Name:name | Status | Roles | Age | Version | +Internal-IP | +External-IP | +OS-Image | +Kernel-Version | +Container-Runtime
  persistentvolumeclaims: Name:name | Status | Volume | Capacity | Access Modes | StorageClass | VolumeAttributesClass | Age | +VolumeMode
  persistentvolumes: Name:name | Capacity | Access Modes | Reclaim Policy | Status | Claim | StorageClass | VolumeAttributesClass | Reason | Age | +VolumeMode
  poddisruptionbudgets.policy: Name:name | Min Available | Max Unavailable | Allowed Disruptions:int | Age
  pods: Name:name | Ready | Status | Restarts | Age | +IP | +Node | +Nominated Node | +Readiness Gates
  podtemplates: Name:name | Containers | Images | Pod Labels
  priorityclasses.scheduling.k8s.io: Name:name | Value:int | Global-Default:bool | Age | PreemptionPolicy
  prioritylevelconfigurations.flowcontrol.apiserver.k8s.io: Name:name | Type | NominalConcurrencyShares | Queues | HandSize | QueueLengthLimit | Age
  replicasets.apps: Name:name | Desired:int | Current:int | Ready:int | Age | +Containers | +Images | +Selector
  replicationcontrollers: Name:name | Desired:int | Current:int | Ready:int | Age | +Containers | +Images | +Selector
  resourceclaims.resource.k8s.io: Name:name | State | Age
  resourceclaimtemplates.resource.k8s.io: Name:name | Age
  resourcequotas: Name:name | Request | Limit | Age
  resourceslices.resource.k8s.io: Name:name | Node | Driver | Pool | Age
  rolebindings.rbac.authorization.k8s.io: Name:name | Role | Age | +Users | +Groups | +ServiceAccounts
  roles.rbac.authorization.k8s.io: Name:name | Created At:date
  runtimeclasses.node.k8s.io: Name:name | Handler | Age
  secrets: Name:name | Type | Data | Age
  serviceaccounts: Name:name | Age
  servicecidrs.networking.k8s.io: Name:name | CIDRs | Age
  services: Name:name | Type | Cluster-IP | External-IP | Port(s) | Age | +Selector
  statefulsets.apps: Name:name | Ready | Age | +Containers | +Images
  storageclasses.storage.k8s.io: Name:name | Provisioner | ReclaimPolicy | VolumeBindingMode | AllowVolumeExpansion | Age
  validatingadmissionpolicies.admissionregistration.k8s.io: Name:name | Validations:int | ParamKind | Age
  validatingadmissionpolicybindings.admissionregistration.k8s.io: Name:name | PolicyName | ParamRef | Age
  validatingwebhookconfigurations.admissionregistration.k8s.io: Name:name | Webhooks:int | Age
  volumeattachments.storage.k8s.io: Name:name | Attacher:name | PV | Node | Attached:bool | Age
  volumeattributesclasses.storage.k8s.io: Name:name | DriverName | Age
`;

const typeMarks: Readonly<Record<string, string>> = {
  string: "",
  integer: ":int",
  boolean: ":bool",
  date: ":date",
};

function described({ name, type, format = "", priority = 0 }: Column<never>): string {
  return `${priority > 0 ? "+" : ""}${name}${typeMarks[type] ?? `:${type}`}${format === "" ? "" : `:${format}`}`;
}

for (const fact of facts.trim().split("\n")) {
  const [resource = "", columns = ""] = fact.trim().split(": ");
  test(`the table of ${resource} has upstream's columns`, () => {
    const found = builtInDefinitions.find(
      ({ group, plural }) => (group === "" ? plural : `${plural}.${group}`) === resource,
    );
    const named = found?.columns.filter(({ isUnnamed = false }) => !isUnnamed) ?? [];
    assert.equal(named.map(described).join(" | "), columns);
  });
}

const container = (name: string, state: object, ready = false) => ({ name, ready, restartCount: 0, state });
const completed = container("a", { terminated: { exitCode: 0, reason: "Completed" } });
const selector = {
  matchLabels: { b: "2", a: "1" },
  matchExpressions: [
    { key: "k", operator: "In", values: ["x", "y"] },
    { key: "e", operator: "Exists" },
  ],
};
const binding = (paramRef: object) => ({ spec: { policyName: "p", paramRef } });
const podsMetric = { type: "Pods", pods: { metric: { name: "m" }, target: { averageValue: "20k" } } };
const autoscaler = (current?: object) => ({
  spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3, metrics: [podsMetric] },
  status: current === undefined ? {} : { currentMetrics: [{ type: "Pods", pods: { current } }] },
});

interface CellCase {
  readonly name: string;
  readonly kind: readonly [apiVersion: string, kind: string];
  readonly parts: Parts;
  readonly column: string;
  readonly want: string | number;
}

const policyBinding = ["admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"] as const;
const horizontal = ["autoscaling/v2", "HorizontalPodAutoscaler"] as const;

for (const { name, kind, parts, column, want } of [
  {
    name: "a pod whose other container failed",
    kind: ["v1", "Pod"],
    parts: {
      spec: { containers: [{ name: "a" }, { name: "b" }] },
      status: {
        phase: "Running",
        containerStatuses: [completed, container("b", { terminated: { exitCode: 1 } })],
      },
    },
    column: "Status",
    want: "ExitCode:1",
  },
  {
    name: "a pod whose other container was killed",
    kind: ["v1", "Pod"],
    parts: {
      spec: { containers: [{ name: "a" }, { name: "b" }] },
      status: {
        phase: "Running",
        containerStatuses: [completed, container("b", { terminated: { exitCode: 137, signal: 9 } })],
      },
    },
    column: "Status",
    want: "Signal:9",
  },
  {
    name: "a binding to parameters by selector",
    kind: policyBinding,
    parts: binding({ selector }),
    column: "ParamRef",
    want: "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},LabelSelectorRequirement{Key:e,Operator:Exists,Values:[],},},}",
  },
  {
    name: "a binding to all parameters",
    kind: policyBinding,
    parts: binding({ namespace: "n", selector: {} }),
    column: "ParamRef",
    want: "&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:[]LabelSelectorRequirement{},}",
  },
  {
    name: "an autoscaler nobody reported to",
    kind: horizontal,
    parts: autoscaler(),
    column: "Targets",
    want: "<unknown>/20k",
  },
  {
    name: "an autoscaler with a report of something else",
    kind: horizontal,
    parts: autoscaler({ value: "3" }),
    column: "Targets",
    want: "<nil>/20k",
  },
] as readonly CellCase[])
  test(`${name} has "${want}" for ${column}`, () => {
    assert.equal(rowOf(objectOf(kind[0], kind[1], parts))[column], want);
  });

for (const { kind, annotation } of [
  { kind: ["storage.k8s.io/v1", "StorageClass"], annotation: "storageclass.kubernetes.io/is-default-class" },
  {
    kind: ["networking.k8s.io/v1", "IngressClass"],
    annotation: "ingressclass.kubernetes.io/is-default-class",
  },
] as const)
  test(`the default ${kind[1]} is marked in its name`, () => {
    const [apiVersion, name] = kind;
    const [column] = definitionOf(apiVersion, name).columns;
    const nameWith = (value: string) =>
      column?.value(objectOf(apiVersion, name, { metadata: { annotations: { [annotation]: value } } }), {
        nowMs,
      });
    assert.deepEqual([nameWith("true"), nameWith("false")], ["one (default)", "one"]);
  });

test("the rows of pods that ended say so", () => {
  const { rowConditions } = definitionOf("v1", "Pod");
  const reasons = ["Pending", "Running", "Succeeded", "Failed", "Unknown"].flatMap(
    (phase) => rowConditions?.(objectOf("v1", "Pod", { spec: {}, status: { phase } })) ?? [],
  );
  assert.deepEqual(reasons, [
    {
      type: "Completed",
      status: "True",
      reason: "Succeeded",
      message: "The pod has completed successfully.",
    },
    { type: "Completed", status: "True", reason: "Failed", message: "The pod failed." },
  ]);
});

test("flow schemas stand in a table as they are asked", () => {
  const schema = (name: string, matchingPrecedence: number) =>
    objectOf("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", {
      metadata: { name },
      spec: { matchingPrecedence },
    });
  const { rowOrder } = definitionOf("flowcontrol.apiserver.k8s.io/v1", "FlowSchema");
  const names = [schema("b", 900), schema("z", 1), schema("a", 900)]
    .toSorted(rowOrder)
    .map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["z", "a", "b"]);
});
