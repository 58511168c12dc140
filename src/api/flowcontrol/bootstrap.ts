import type {
  FlowSchema,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  Subject,
} from "./types.generated.ts";

/**
 * The FlowSchemas and PriorityLevelConfigurations that every cluster has, as v1.36 has them. Without the mandatory ones a
 * request might find no level at all; the suggested ones keep the cluster's own components apart from its users.
 */

const apiVersion = "flowcontrol.apiserver.k8s.io/v1";
/** "true": the server keeps the object's spec as it suggests it; "false": whoever runs the cluster does. */
export const autoUpdateAnnotation = "apf.kubernetes.io/autoupdate-spec";

type LevelSpec = PriorityLevelConfiguration["spec"];

function level(name: string, spec: LevelSpec): PriorityLevelConfiguration {
  return {
    apiVersion,
    kind: "PriorityLevelConfiguration",
    metadata: { name, annotations: { [autoUpdateAnnotation]: "true" } },
    spec,
  };
}

function queueing(shares: number, lendablePercent: number, queues: number, handSize: number): LevelSpec {
  return {
    type: "Limited",
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent,
      limitResponse: { type: "Queue", queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  };
}

export const exemptLevel = level("exempt", {
  type: "Exempt",
  exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 },
});

export const catchAllLevel = level("catch-all", {
  type: "Limited",
  limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: "Reject" } },
});

export const mandatoryLevels: readonly PriorityLevelConfiguration[] = [catchAllLevel, exemptLevel];

export const suggestedLevels: readonly PriorityLevelConfiguration[] = [
  level("system", queueing(30, 33, 64, 6)),
  level("node-high", queueing(40, 25, 64, 6)),
  level("leader-election", queueing(10, 0, 16, 4)),
  level("workload-high", queueing(40, 50, 128, 6)),
  level("workload-low", queueing(100, 90, 128, 6)),
  level("global-default", queueing(20, 50, 128, 6)),
];

interface SchemaParts {
  readonly level: string;
  readonly precedence: number;
  readonly distinguisher?: "ByNamespace" | "ByUser";
  readonly rule: PolicyRulesWithSubjects;
}

function schema(
  name: string,
  { level: levelName, precedence, distinguisher, rule }: SchemaParts,
): FlowSchema {
  return {
    apiVersion,
    kind: "FlowSchema",
    metadata: { name, annotations: { [autoUpdateAnnotation]: "true" } },
    spec: {
      priorityLevelConfiguration: { name: levelName },
      matchingPrecedence: precedence,
      ...(distinguisher === undefined ? {} : { distinguisherMethod: { type: distinguisher } }),
      rules: [rule],
    },
  };
}

const groups = (...names: string[]): Subject[] => names.map((name) => ({ kind: "Group", group: { name } }));
const users = (...names: string[]): Subject[] => names.map((name) => ({ kind: "User", user: { name } }));
const systemServiceAccounts: Subject = {
  kind: "ServiceAccount",
  serviceAccount: { name: "*", namespace: "kube-system" },
};
const everyone = groups("system:unauthenticated", "system:authenticated");

/** All requests of these subjects. */
function everything(subjects: readonly Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] },
    ],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  };
}

export const exemptSchema = schema("exempt", {
  level: "exempt",
  precedence: 1,
  rule: everything(groups("system:masters")),
});

export const catchAllSchema = schema("catch-all", {
  level: "catch-all",
  precedence: 10_000,
  distinguisher: "ByUser",
  rule: everything(everyone),
});

export const mandatorySchemas: readonly FlowSchema[] = [exemptSchema, catchAllSchema];

const leaseRule = { apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] };

export const suggestedSchemas: readonly FlowSchema[] = [
  schema("system-nodes", {
    level: "system",
    precedence: 500,
    distinguisher: "ByUser",
    rule: everything(groups("system:nodes")),
  }),
  schema("system-node-high", {
    level: "node-high",
    precedence: 400,
    distinguisher: "ByUser",
    rule: {
      subjects: groups("system:nodes"),
      resourceRules: [
        {
          verbs: ["*"],
          apiGroups: [""],
          resources: ["nodes", "nodes/status"],
          clusterScope: true,
          namespaces: ["*"],
        },
        { verbs: ["*"], ...leaseRule },
      ],
    },
  }),
  schema("probes", {
    level: "exempt",
    precedence: 2,
    rule: {
      subjects: everyone,
      nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }],
    },
  }),
  schema("system-leader-election", {
    level: "leader-election",
    precedence: 100,
    distinguisher: "ByUser",
    rule: {
      subjects: [...users("system:kube-controller-manager", "system:kube-scheduler"), systemServiceAccounts],
      resourceRules: [{ verbs: ["get", "create", "update"], ...leaseRule }],
    },
  }),
  schema("kube-controller-manager", {
    level: "workload-high",
    precedence: 800,
    distinguisher: "ByNamespace",
    rule: everything(users("system:kube-controller-manager")),
  }),
  schema("kube-scheduler", {
    level: "workload-high",
    precedence: 800,
    distinguisher: "ByNamespace",
    rule: everything(users("system:kube-scheduler")),
  }),
  schema("kube-system-service-accounts", {
    level: "workload-high",
    precedence: 900,
    distinguisher: "ByNamespace",
    rule: everything([systemServiceAccounts]),
  }),
  schema("service-accounts", {
    level: "workload-low",
    precedence: 9000,
    distinguisher: "ByUser",
    rule: everything(groups("system:serviceaccounts")),
  }),
  schema("global-default", {
    level: "global-default",
    precedence: 9900,
    distinguisher: "ByUser",
    rule: everything(everyone),
  }),
];
