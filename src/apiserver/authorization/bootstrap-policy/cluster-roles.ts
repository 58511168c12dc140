import type { AggregationRule, PolicyRule, Subject } from "../../../api/rbac/types.generated.ts";
import { nodeRules } from "./node-rules.ts";
import {
  allow,
  allowUrls,
  authentication,
  authorization,
  certificates,
  coordination,
  discovery,
  dynamicResources,
  events,
  networking,
  rbac,
  read,
  readUpdate,
  readWrite,
  storage,
  write,
} from "./rule.ts";

export interface RoleTemplate {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly rules?: readonly PolicyRule[];
  readonly aggregationRule?: AggregationRule;
}

export interface BindingTemplate {
  readonly name: string;
  readonly subjects: readonly Subject[];
}

const aggregateTo = (role: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${role}`]: "true" });
const aggregate = (role: string): AggregationRule => ({
  clusterRoleSelectors: [{ matchLabels: aggregateTo(role) }],
});

const approver = (signer: string) => [allow("approve", certificates, "signers", `kubernetes.io/${signer}`)];

const editRules: readonly PolicyRule[] = [
  allow(read, "core", "pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy"),
  allow("impersonate", "core", "serviceaccounts"),
  allow(write, "core", "pods pods/attach pods/proxy pods/exec pods/portforward"),
  allow("create", "core", "pods/eviction"),
  allow(
    write,
    "core",
    "replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy persistentvolumeclaims configmaps secrets",
  ),
  allow("create", "core", "serviceaccounts/token"),
  allow(write, "core events.k8s.io", "events"),
  allow(
    write,
    "apps",
    "statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets replicasets/scale",
  ),
  allow(write, "autoscaling", "horizontalpodautoscalers"),
  allow(write, "batch", "jobs cronjobs"),
  allow(
    write,
    "extensions",
    "daemonsets deployments deployments/scale deployments/rollback ingresses replicasets replicasets/scale replicationcontrollers/scale networkpolicies",
  ),
  allow(write, "policy", "poddisruptionbudgets"),
  allow(write, networking, "networkpolicies ingresses"),
  allow(readWrite, coordination, "leases"),
  allow(write, dynamicResources, "resourceclaims resourceclaimtemplates"),
];

const viewRules: readonly PolicyRule[] = [
  allow(
    read,
    "core",
    "pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status endpoints persistentvolumeclaims persistentvolumeclaims/status configmaps",
  ),
  allow(
    read,
    "core",
    "limitranges resourcequotas bindings pods/status resourcequotas/status namespaces/status replicationcontrollers/status pods/log",
  ),
  allow(read, "core", "namespaces"),
  allow(read, "core events.k8s.io", "events"),
  allow(read, discovery, "endpointslices"),
  allow(
    read,
    "apps",
    "controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status deployments deployments/status deployments/scale replicasets replicasets/status replicasets/scale",
  ),
  allow(read, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
  allow(read, "batch", "jobs cronjobs cronjobs/status jobs/status"),
  allow(
    read,
    "extensions",
    "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status replicasets replicasets/scale replicasets/status replicationcontrollers/scale networkpolicies",
  ),
  allow(read, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
  allow(read, networking, "networkpolicies ingresses ingresses/status"),
  allow(read, dynamicResources, "resourceclaims resourceclaims/status resourceclaimtemplates"),
];

const controllerManagerRules: readonly PolicyRule[] = [
  events,
  allow("create", coordination, "leases"),
  allow("get update", coordination, "leases", "kube-controller-manager"),
  allow("create", "core", "secrets serviceaccounts"),
  allow("delete", "core", "secrets"),
  allow("get", "core", "namespaces secrets serviceaccounts configmaps"),
  allow("update", "core", "secrets serviceaccounts"),
  allow("create", authentication, "tokenreviews"),
  allow("create", authorization, "subjectaccessreviews"),
  allow("list watch", "*", "*"),
  allow("create", "core", "serviceaccounts/token"),
];

const schedulerRules: readonly PolicyRule[] = [
  events,
  allow("create", coordination, "leases"),
  allow("get update list watch", coordination, "leases", "kube-scheduler"),
  allow(readWrite, coordination, "leasecandidates"),
  allow(read, "core", "nodes"),
  allow("get list watch delete", "core", "pods"),
  allow("create", "core", "pods/binding bindings"),
  allow("patch update", "core", "pods/status"),
  allow(read, "core", "services replicationcontrollers"),
  allow(read, "apps extensions", "replicasets"),
  allow(read, "apps", "statefulsets"),
  allow(read, "policy", "poddisruptionbudgets"),
  allow(read, "core", "persistentvolumeclaims persistentvolumes"),
  allow("create", authentication, "tokenreviews"),
  allow("create", authorization, "subjectaccessreviews"),
  allow(read, storage, "csinodes"),
  allow(read, "core", "namespaces"),
  allow(read, storage, "csidrivers"),
  allow(read, storage, "csistoragecapacities"),
  allow(read, storage, "volumeattachments"),
  allow(read, dynamicResources, "deviceclasses"),
  allow(readUpdate, dynamicResources, "resourceclaims"),
  allow(readUpdate, dynamicResources, "resourceclaims/status"),
  allow("update patch", dynamicResources, "resourceclaims/binding"),
  allow("get list watch", dynamicResources, "resourceslices"),
  allow("update", "core", "pods/finalizers"),
  allow("create delete", dynamicResources, "resourceclaims"),
];

const monitoringUrls =
  "/metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/* /flagz /statusz";

/** The cluster roles an API server creates at its start. */
export const clusterRoleTemplates: readonly RoleTemplate[] = [
  { name: "cluster-admin", rules: [allow("*", "*", "*"), allowUrls("*", "*")] },
  {
    name: "system:discovery",
    rules: [
      allowUrls(
        "get",
        "/livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*",
      ),
    ],
  },
  {
    name: "system:monitoring",
    rules: [allowUrls("get", monitoringUrls), allow("get", "core", "nodes/metrics")],
  },
  {
    name: "system:basic-user",
    rules: [
      allow("create", authorization, "selfsubjectaccessreviews selfsubjectrulesreviews"),
      allow("create", authentication, "selfsubjectreviews"),
    ],
  },
  {
    name: "system:public-info-viewer",
    rules: [allowUrls("get", "/livez /readyz /healthz /version /version/")],
  },
  { name: "admin", aggregationRule: aggregate("admin") },
  { name: "edit", labels: aggregateTo("admin"), aggregationRule: aggregate("edit") },
  { name: "view", labels: aggregateTo("edit"), aggregationRule: aggregate("view") },
  {
    name: "system:aggregate-to-admin",
    labels: aggregateTo("admin"),
    rules: [
      allow("create", authorization, "localsubjectaccessreviews"),
      allow(readWrite, rbac, "roles rolebindings"),
    ],
  },
  { name: "system:aggregate-to-edit", labels: aggregateTo("edit"), rules: editRules },
  { name: "system:aggregate-to-view", labels: aggregateTo("view"), rules: viewRules },
  {
    name: "system:heapster",
    rules: [allow(read, "core", "events pods nodes namespaces"), allow(read, "extensions", "deployments")],
  },
  { name: "system:node", rules: nodeRules },
  {
    name: "system:node-problem-detector",
    rules: [allow("get", "core", "nodes"), allow("patch", "core", "nodes/status"), events],
  },
  {
    name: "system:kubelet-api-admin",
    rules: [
      allow(read, "core", "nodes"),
      allow("proxy", "core", "nodes"),
      allow("*", "core", "nodes/proxy nodes/metrics nodes/stats nodes/log"),
      allow("*", "core", "nodes/pods nodes/healthz nodes/configz"),
    ],
  },
  {
    name: "system:node-bootstrapper",
    rules: [allow("create get list watch", certificates, "certificatesigningrequests")],
  },
  {
    name: "system:auth-delegator",
    rules: [
      allow("create", authentication, "tokenreviews"),
      allow("create", authorization, "subjectaccessreviews"),
    ],
  },
  { name: "system:kube-aggregator", rules: [allow(read, "core", "services endpoints")] },
  { name: "system:kube-controller-manager", rules: controllerManagerRules },
  {
    name: "system:kube-dns",
    rules: [allow("list watch", "core", "endpoints services")],
  },
  {
    name: "system:persistent-volume-provisioner",
    rules: [
      allow("get list watch create delete", "core", "persistentvolumes"),
      allow("get list watch update", "core", "persistentvolumeclaims"),
      allow(read, storage, "storageclasses"),
      allow("watch", "core", "events"),
      events,
    ],
  },
  {
    name: "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    rules: [allow("create", certificates, "certificatesigningrequests/nodeclient")],
  },
  {
    name: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
    rules: [allow("create", certificates, "certificatesigningrequests/selfnodeclient")],
  },
  {
    name: "system:volume-scheduler",
    rules: [
      allow(readUpdate, "core", "persistentvolumes"),
      allow(read, storage, "storageclasses"),
      allow(readUpdate, "core", "persistentvolumeclaims"),
    ],
  },
  { name: "system:certificates.k8s.io:legacy-unknown-approver", rules: approver("legacy-unknown") },
  { name: "system:certificates.k8s.io:kubelet-serving-approver", rules: approver("kubelet-serving") },
  {
    name: "system:certificates.k8s.io:kube-apiserver-client-approver",
    rules: approver("kube-apiserver-client"),
  },
  {
    name: "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
    rules: approver("kube-apiserver-client-kubelet"),
  },
  {
    name: "system:service-account-issuer-discovery",
    rules: [
      allowUrls(
        "get",
        "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
      ),
    ],
  },
  {
    name: "system:node-proxier",
    rules: [
      allow("list watch", "core", "services endpoints"),
      allow(read, "core", "nodes"),
      events,
      allow("list watch", discovery, "endpointslices"),
      allow("list watch", networking, "servicecidrs"),
    ],
  },
  { name: "system:kube-scheduler", rules: schedulerRules },
];

const apiGroup = rbac;
const group = (name: string): Subject => ({ kind: "Group", apiGroup, name });
export const user = (name: string): Subject => ({ kind: "User", apiGroup, name });
export const serviceAccount = (namespace: string, name: string): Subject => ({
  kind: "ServiceAccount",
  name,
  namespace,
});

const authenticated = group("system:authenticated");
const unauthenticated = group("system:unauthenticated");

/** Each binds the cluster role of its own name. */
export const clusterRoleBindingTemplates: readonly BindingTemplate[] = [
  { name: "cluster-admin", subjects: [group("system:masters")] },
  { name: "system:monitoring", subjects: [group("system:monitoring")] },
  { name: "system:discovery", subjects: [authenticated] },
  { name: "system:basic-user", subjects: [authenticated] },
  { name: "system:public-info-viewer", subjects: [authenticated, unauthenticated] },
  { name: "system:node-proxier", subjects: [user("system:kube-proxy")] },
  { name: "system:kube-controller-manager", subjects: [user("system:kube-controller-manager")] },
  { name: "system:kube-dns", subjects: [serviceAccount("kube-system", "kube-dns")] },
  { name: "system:kube-scheduler", subjects: [user("system:kube-scheduler")] },
  { name: "system:volume-scheduler", subjects: [user("system:kube-scheduler")] },
  // Without subjects since the Node authorizer took over; a stricter reconciliation may then remove old ones.
  { name: "system:node", subjects: [] },
  { name: "system:service-account-issuer-discovery", subjects: [group("system:serviceaccounts")] },
];
