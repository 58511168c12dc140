import { badRequest } from "../../apimachinery/api-error.ts";
import { domainPrefixedPathErrors } from "../../apimachinery/validation.ts";
import type { UserInfo } from "../../client/exchange.ts";
import { forbiddenRequest } from "../authorization/forbidden.ts";
import type { AuthorizationAttributes, Authorizer, Impersonator } from "../stages.ts";
import { headerValues, prefixedValues } from "./create-authenticator.ts";
import { extraKeys, groups, parseNodeUser, parseServiceAccount, serviceAccountGroups } from "./identity.ts";

/**
 * Acting as another user, with the constrained modes of KEP-5284: a user may be allowed to impersonate only nodes, only
 * service accounts, or only for some verbs. The plain `impersonate` verb is tried last and goes on to allow everything.
 */
export function createImpersonator(authorizer: Authorizer, observe: ImpersonationObserver): Impersonator {
  const metered: Authorizer = {
    async authorize(attributes) {
      const startMs = observe.now();
      const decision = await authorizer.authorize(attributes);
      const verdict = decision.allowed ? "allowed" : "denied";
      observe.checkedImpersonation(modeOf(attributes.verb), verdict, observe.now() - startMs);
      return decision;
    },
  };
  return {
    impersonate(attributes, headers, constrainedBy = () => {}) {
      // Almost every request: nothing is waited for.
      if (!asksForImpersonation(headers)) return undefined;
      const wanted = wantedUser(headers);
      if (wanted === undefined) return undefined;
      const startMs = observe.now();
      return tryModes(metered, attributes, wanted).then(
        ({ mode, user }) => {
          observe.impersonated(mode.name === "" ? "legacy" : mode.name, "allowed", observe.now() - startMs);
          if (mode.name !== "") constrainedBy(verbOf(mode));
          return user;
        },
        (error: unknown) => {
          observe.impersonated("", "denied", observe.now() - startMs);
          throw error;
        },
      );
    },
  };
}

/** Counts who acts as whom: durations are milliseconds. */
export interface ImpersonationObserver {
  now(): number;
  impersonated(mode: string, decision: "allowed" | "denied", durationMs: number): void;
  checkedImpersonation(mode: string, decision: "allowed" | "denied", durationMs: number): void;
}

/** "impersonate:user-info" and "impersonate-on:user-info:get" are of one mode. */
function modeOf(verb: string): string {
  return verb.split(":")[1] ?? "legacy";
}

function asksForImpersonation(headers: Readonly<Record<string, string | undefined>>): boolean {
  for (const name in headers) if (name.startsWith("impersonate-")) return true;
  return false;
}

/** The first mode that allows it; else the first one's refusal. */
async function tryModes(
  authorizer: Authorizer,
  attributes: AuthorizationAttributes,
  wanted: UserInfo,
): Promise<{ readonly mode: Mode; readonly user: UserInfo }> {
  let firstError: unknown;
  for (const mode of modes) {
    if (!mode.applies(wanted, attributes.user)) continue;
    try {
      return { mode, user: await impersonateIn(mode, authorizer, attributes, wanted) };
    } catch (error) {
      firstError ??= error;
    }
  }
  throw firstError;
}

/** Who the headers ask for, as they say it. */
function wantedUser(headers: Readonly<Record<string, string | undefined>>): UserInfo | undefined {
  const name = headers["impersonate-user"] ?? "";
  const uid = headers["impersonate-uid"] ?? "";
  const wantedGroups = headerValues(headers["impersonate-group"]);
  const extra = prefixedValues(headers, "impersonate-extra-");
  const hasExtra = Object.keys(extra).length > 0;
  if (name === "") {
    if (uid !== "" || wantedGroups.length > 0 || hasExtra)
      throw badRequest(
        `requested ${goUser(uid, wantedGroups, hasExtra ? extra : undefined)} without impersonating a user name`,
      );
    return undefined;
  }
  return { name, ...(uid === "" ? {} : { uid }), groups: wantedGroups, ...(hasExtra ? { extra } : {}) };
}

/** What was asked for, as Go prints it. */
function goUser(
  uid: string,
  wantedGroups: readonly string[],
  extra: Readonly<Record<string, readonly string[]>> | undefined,
): string {
  const quote = (text: string) => JSON.stringify(text);
  const list = (values: readonly string[]) => `[]string{${values.map(quote).join(", ")}}`;
  const groupList = wantedGroups.length === 0 ? "[]string(nil)" : list(wantedGroups);
  const pairs = Object.entries(extra ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const extraMap =
    extra === undefined
      ? "map[string][]string(nil)"
      : `map[string][]string{${pairs.map(([key, values]) => `${quote(key)}:${list(values)}`).join(", ")}}`;
  return `&user.DefaultInfo{Name:"", UID:${quote(uid)}, Groups:${groupList}, Extra:${extraMap}}`;
}

function verbOf({ name }: Mode): string {
  return name === "" ? "impersonate" : `impersonate:${name}`;
}

interface Mode {
  /** "" is the old, unconstrained one. */
  readonly name: string;
  applies(wanted: UserInfo, requestor: UserInfo): boolean;
}

const onlyName = (user: UserInfo) =>
  user.uid === undefined && user.groups.length === 0 && user.extra === undefined;

const modes: readonly Mode[] = [
  {
    name: "associated-node",
    applies: (wanted, requestor) =>
      onlyName(wanted) &&
      parseServiceAccount(requestor.name) !== undefined &&
      parseNodeUser(wanted.name) !== undefined &&
      requestor.extra?.[extraKeys.nodeName]?.length === 1 &&
      requestor.extra[extraKeys.nodeName]?.[0] === parseNodeUser(wanted.name),
  },
  {
    name: "arbitrary-node",
    applies: (wanted) => onlyName(wanted) && parseNodeUser(wanted.name) !== undefined,
  },
  {
    name: "serviceaccount",
    applies: (wanted) => onlyName(wanted) && parseServiceAccount(wanted.name) !== undefined,
  },
  {
    name: "user-info",
    applies: (wanted) =>
      parseNodeUser(wanted.name) === undefined && parseServiceAccount(wanted.name) === undefined,
  },
  { name: "", applies: () => true },
];

async function impersonateIn(
  mode: Mode,
  authorizer: Authorizer,
  attributes: AuthorizationAttributes,
  wanted: UserInfo,
): Promise<UserInfo> {
  const constrained = mode.name !== "";
  const requestor = mode.name === "associated-node" ? withoutPlace(attributes.user) : attributes.user;
  if (constrained) {
    const verb = `impersonate-on:${mode.name}:${attributes.verb}`;
    await check(authorizer, { ...attributes, user: requestor, verb });
  }
  for (const { questions, refusal, all } of checksFor(mode, requestor, wanted)) {
    if (constrained && refusal !== undefined) throw forbiddenRequest(refusal.attributes, refusal.why);
    if (constrained && all !== undefined && questions.length >= manyQuestions)
      if ((await authorizer.authorize(all)).allowed) continue;
    for (const question of questions) await check(authorizer, question);
  }
  return completeUser(wanted, constrained);
}

/** The answer holds for an account on all its nodes: authorizers are told which extras it has, not what they say. */
function withoutPlace(user: UserInfo): UserInfo {
  const keys = Object.keys(user.extra ?? {}).sort();
  return { ...user, extra: { "authentication.kubernetes.io/associated-node-keys": keys } };
}

async function check(authorizer: Authorizer, attributes: AuthorizationAttributes): Promise<void> {
  const { allowed, reason, error } = await authorizer.authorize(attributes);
  if (allowed) return;
  const parts = [error, reason].filter((part) => part !== undefined && part !== "");
  throw forbiddenRequest(attributes, parts.join(": "));
}

const authenticationGroup = { apiGroup: "authentication.k8s.io", apiVersion: "v1" };
const coreGroup = { apiGroup: "", apiVersion: "v1" };

/** What is asked about one part of the user: name, uid, groups, extra. */
interface Part {
  readonly questions: readonly AuthorizationAttributes[];
  /** Why no constrained impersonation may ask. */
  readonly refusal?: { readonly attributes: AuthorizationAttributes; readonly why: string } | undefined;
  /** One question instead of many: whether all values are allowed. */
  readonly all?: AuthorizationAttributes;
}

/** From so many on, a constrained impersonation asks for all values first. */
const manyQuestions = 4;

function checksFor(mode: Mode, requestor: UserInfo, wanted: UserInfo): Part[] {
  const constrained = mode.name !== "";
  const ask = (fields: Partial<AuthorizationAttributes>): AuthorizationAttributes => ({
    user: requestor,
    verb: verbOf(mode),
    isResourceRequest: true,
    ...authenticationGroup,
    resource: "",
    subresource: "",
    namespace: "",
    name: "",
    path: "",
    ...fields,
  });
  const gv = constrained ? authenticationGroup : coreGroup;
  const group = (name: string) => ask({ ...gv, resource: "groups", name });
  const extra = (subresource: string, name: string) => ask({ resource: "userextras", subresource, name });
  const refusedGroup = refusedGroupOf(wanted.groups);
  const extraFault = extraFaultOf(wanted.extra ?? {});
  return [
    { questions: [ask({ ...gv, ...nameQuestion(mode, wanted.name) })] },
    { questions: wanted.uid === undefined ? [] : [ask({ resource: "uids", name: wanted.uid })] },
    {
      questions: wanted.groups.map(group),
      refusal: refusedGroup && { attributes: group(refusedGroup.name), why: refusedGroup.why },
      all: group("*"),
    },
    {
      questions: Object.entries(wanted.extra ?? {}).flatMap(([key, values]) =>
        values.map((value) => extra(key, value)),
      ),
      refusal: extraFault === undefined ? undefined : { attributes: extra("", ""), why: extraFault },
      all: extra("*", "*"),
    },
  ];
}

function nameQuestion(mode: Mode, userName: string): Partial<AuthorizationAttributes> {
  const account = parseServiceAccount(userName);
  if (account !== undefined) return { resource: "serviceaccounts", ...account };
  const node = parseNodeUser(userName);
  if (mode.name === "associated-node") return { resource: "nodes", name: "*" };
  if (mode.name !== "" && node !== undefined) return { resource: "nodes", name: node };
  return { resource: "users", name: userName };
}

function refusedGroupOf(
  names: readonly string[],
): { readonly name: string; readonly why: string } | undefined {
  if (names.includes("")) return { name: "", why: "impersonating the empty string group is not allowed" };
  const masters = "system:masters";
  return names.includes(masters)
    ? { name: masters, why: `impersonating the ${masters} group is not allowed` }
    : undefined;
}

function extraFaultOf(extra: Readonly<Record<string, readonly string[]>>): string | undefined {
  for (const [key, values] of Object.entries(extra)) {
    if (key === "") return "impersonating the empty string key in extra is not allowed";
    const errors = domainPrefixedPathErrors(key, "extra.key").map((e) => `${e.field}: ${e.message}`);
    if (errors.length > 0)
      return `impersonating an invalid key in extra is not allowed: ${errors.join(", ")}`;
    if (key !== key.toLowerCase())
      return `impersonating a non-lowercase key in extra is not allowed: ${JSON.stringify(key)}`;
    if (values.includes("")) return "impersonating the empty string value in extra is not allowed";
  }
  return undefined;
}

/** Adds the groups that come with the name. */
function completeUser(wanted: UserInfo, constrained: boolean): UserInfo {
  const held = [...wanted.groups];
  const account = parseServiceAccount(wanted.name);
  if (held.length === 0 && account !== undefined) held.push(...serviceAccountGroups(account.namespace));
  if (held.length === 0 && constrained && parseNodeUser(wanted.name) !== undefined) held.push("system:nodes");
  const { unauthenticated, authenticated } = groups;
  const added = wanted.name === "system:anonymous" ? unauthenticated : authenticated;
  if (!held.includes(added) && !held.includes(unauthenticated)) held.push(added);
  return { ...wanted, groups: held };
}
