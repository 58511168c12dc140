import type { PolicyRule } from "../../api/rbac/types.generated.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { InformerFactory } from "../../client/informer.ts";
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from "../stages.ts";
import { authorizeNode, nodeOf } from "./node-authorizer.ts";
import { informerNodeRelations, type NodeRelations } from "./node-relations.ts";
import { authorizeByRbac, rulesOf } from "./rbac-authorizer.ts";
import { informerRbacSource, type RbacSource } from "./rbac-source.ts";

export const superuserGroup = "system:masters";

export type AuthorizationMode = "AlwaysAllow" | "AlwaysDeny" | "Node" | "RBAC";

export interface AuthorizerDependencies {
  readonly informers: InformerFactory;
  /** Resolves once the informers have their first lists; a request that needs them waits for it. */
  readonly synced: () => Promise<void>;
  /** In the order they are asked; Node and RBAC unless said. */
  readonly modes?: readonly AuthorizationMode[];
}

/** What SelfSubjectRulesReview reports. */
export interface RuleReport {
  readonly rules: readonly PolicyRule[];
  /** There may be more: an authorizer cannot list its rules, or a role was not found. */
  readonly incomplete: boolean;
  readonly evaluationError: string;
}

export interface FullAuthorizer extends Authorizer {
  rulesFor(user: UserInfo, namespace: string): Promise<RuleReport>;
  /** For the checks of RBAC writes. */
  readonly rbac: RbacSource;
}

/**
 * The chain of a kube-apiserver: system:masters may do everything, then each mode in turn, until one allows or denies.
 * Nothing but the superuser is decided before the first lists are there, so that a start is never a burst of 403s.
 */
export function createAuthorizer(dependencies: AuthorizerDependencies): FullAuthorizer {
  const rbac = informerRbacSource(dependencies.informers);
  const modes = dependencies.modes ?? ["Node", "RBAC"];
  const relations = modes.includes("Node") ? informerNodeRelations(dependencies.informers) : undefined;
  const sources: Sources = { rbac, relations };
  const ready = () => rbac.hasSynced && (relations === undefined || relations.hasSynced);
  return {
    rbac,
    authorize(attributes) {
      if (attributes.user.groups.includes(superuserGroup)) return { allowed: true, reason: "" };
      if (ready()) return decide(modes, sources, attributes);
      return dependencies.synced().then(() => decide(modes, sources, attributes));
    },
    async rulesFor(user, namespace) {
      if (!ready()) await dependencies.synced();
      return reportRules(modes, sources, user, namespace);
    },
  };
}

interface Sources {
  readonly rbac: RbacSource;
  readonly relations: NodeRelations | undefined;
}

function decide(
  modes: readonly AuthorizationMode[],
  sources: Sources,
  attributes: AuthorizationAttributes,
): AuthorizationDecision {
  const reasons: string[] = [];
  for (const mode of modes) {
    const decision = decideBy(mode, sources, attributes);
    if (decision.allowed || decision.denied === true) return decision;
    if (decision.reason !== "") reasons.push(decision.reason);
  }
  return { allowed: false, reason: reasons.join("\n") };
}

function decideBy(
  mode: AuthorizationMode,
  { rbac, relations }: Sources,
  attributes: AuthorizationAttributes,
): AuthorizationDecision {
  switch (mode) {
    case "AlwaysAllow":
      return { allowed: true, reason: "" };
    case "AlwaysDeny":
      return { allowed: false, reason: "Everything is forbidden." };
    case "Node":
      return relations === undefined ? { allowed: false, reason: "" } : authorizeNode(relations, attributes);
    case "RBAC":
      return authorizeByRbac(rbac, attributes);
  }
}

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

function reportRules(
  modes: readonly AuthorizationMode[],
  { rbac }: Sources,
  user: UserInfo,
  namespace: string,
): RuleReport {
  const rules: PolicyRule[] = [];
  const errors: string[] = [];
  if (modes.includes("AlwaysAllow")) rules.push(...everything);
  if (modes.includes("Node") && nodeOf(user) !== undefined)
    errors.push("node authorizer does not support user rule resolution");
  if (modes.includes("RBAC")) {
    const found = rulesOf(rbac, user, namespace);
    rules.push(...found.rules);
    errors.push(...found.errors);
  }
  return { rules, incomplete: errors.length > 0, evaluationError: errors.join(", ") };
}
