import type { PolicyRule } from "../../api/rbac/types.generated.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { InformerFactory } from "../../client/informer.ts";
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  Authorizer,
  AuthorizerName,
} from "../stages.ts";
import { authorizeNode, nodeOf } from "./node-authorizer.ts";
import { informerNodeRelations, type NodeRelations } from "./node-relations.ts";
import { authorizeByRbac, rulesOf } from "./rbac-authorizer.ts";
import { informerRbacSource, type RbacSource } from "./rbac-source.ts";

export const superuserGroup = "system:masters";

export type AuthorizationMode = "AlwaysAllow" | "AlwaysDeny" | "Node" | "RBAC";

/** One that a configuration brings along: a webhook, or the policies of ABAC. */
export interface NamedAuthorizer extends Authorizer, AuthorizerName {
  /** Absent: it cannot list what it allows. */
  rulesOf?(user: UserInfo, namespace: string): readonly PolicyRule[];
}

/** One of the chain: a mode that is built in, or what a configuration brings along. */
export type ChainedAuthorizer = AuthorizationMode | NamedAuthorizer;

export interface AuthorizerDependencies {
  readonly informers: InformerFactory;
  /** Resolves once the informers have their first lists; a request that needs them waits for it. */
  readonly synced: () => Promise<void>;
  /** In the order they are asked, now: a configuration may change while the server runs. Node and RBAC unless said. */
  readonly chain?: () => readonly ChainedAuthorizer[];
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
  const chain = dependencies.chain ?? (() => defaultChain);
  const relations = informerNodeRelations(dependencies.informers);
  const sources: Sources = { rbac, relations };
  const ready = () => rbac.hasSynced && relations.hasSynced;
  return {
    rbac,
    authorize(attributes) {
      if (attributes.user.groups.includes(superuserGroup)) return { allowed: true, reason: "" };
      if (ready()) return decide(chain(), sources, attributes);
      return dependencies.synced().then(() => decide(chain(), sources, attributes));
    },
    async rulesFor(user, namespace) {
      if (!ready()) await dependencies.synced();
      return reportRules(chain(), sources, user, namespace);
    },
  };
}

const defaultChain: readonly ChainedAuthorizer[] = ["Node", "RBAC"];

interface Sources {
  readonly rbac: RbacSource;
  readonly relations: NodeRelations;
}

/** Asks one after the other until one allows or denies; without waiting as long as no webhook is asked. */
function decide(
  chain: readonly ChainedAuthorizer[],
  sources: Sources,
  attributes: AuthorizationAttributes,
): Promise<AuthorizationDecision> | AuthorizationDecision {
  const reasons: string[] = [];
  const errors: string[] = [];
  const withErrors = (decision: AuthorizationDecision): AuthorizationDecision =>
    errors.length === 0 ? decision : { ...decision, error: aggregate(errors) };

  const step = (index: number): Promise<AuthorizationDecision> | AuthorizationDecision => {
    const next = chain[index];
    if (next === undefined) return withErrors({ allowed: false, reason: reasons.join("\n") });
    const judge = (decision: AuthorizationDecision) => {
      if (decision.allowed || decision.denied === true)
        return { ...decision, decidedBy: typeof next === "string" ? modeNames[next] : nameOf(next) };
      if (decision.error !== undefined) errors.push(decision.error);
      if (decision.reason !== "") reasons.push(decision.reason);
      return step(index + 1);
    };
    const decision =
      typeof next === "string" ? decideBy(next, sources, attributes) : next.authorize(attributes);
    return decision instanceof Promise ? decision.then(judge) : judge(decision);
  };
  return step(0);
}

/** The names that flags give them, and that files must. */
const modeNames: Readonly<Record<AuthorizationMode, AuthorizerName>> = {
  AlwaysAllow: { type: "AlwaysAllow", name: "alwaysallow" },
  AlwaysDeny: { type: "AlwaysDeny", name: "alwaysdeny" },
  Node: { type: "Node", name: "node" },
  RBAC: { type: "RBAC", name: "rbac" },
};

function nameOf({ type, name }: NamedAuthorizer): AuthorizerName {
  return { type, name };
}

/** Several errors as Go's aggregate prints them. */
function aggregate(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? (distinct[0] ?? "") : `[${distinct.join(", ")}]`;
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
      return authorizeNode(relations, attributes);
    case "RBAC":
      return authorizeByRbac(rbac, attributes);
  }
}

const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

function reportRules(
  modes: readonly ChainedAuthorizer[],
  { rbac }: Sources,
  user: UserInfo,
  namespace: string,
): RuleReport {
  const rules: PolicyRule[] = [];
  const errors: string[] = [];
  if (modes.includes("AlwaysAllow")) rules.push(...everything);
  if (modes.includes("Node") && nodeOf(user) !== undefined)
    errors.push("node authorizer does not support user rule resolution");
  for (const mode of modes) {
    if (typeof mode === "string") continue;
    if (mode.rulesOf === undefined) errors.push("webhook authorizer does not support user rule resolution");
    else rules.push(...mode.rulesOf(user, namespace));
  }
  if (modes.includes("RBAC")) {
    const found = rulesOf(rbac, user, namespace);
    rules.push(...found.rules);
    errors.push(...found.errors);
  }
  return {
    rules,
    incomplete: errors.length > 0,
    evaluationError: errors.length === 0 ? "" : aggregate(errors),
  };
}
