import { parseRequestInfo, type RequestInfo } from "../apiserver/request-info.ts";
import type { RequestContext } from "../apiserver/server.ts";
import type { OptionNames } from "../base/option-names.ts";
import type { ApiRequest } from "../client/exchange.ts";
import { identities } from "../cmd/compose/identities.ts";

/**
 * Who asks: "clients" is the test's side (`cluster.client`, its informers, `clientFor`, whoever uses the kubeconfig), "components" the
 * cluster's own, "everyone" both; or one by name: "node-1" (its kubelet), "scheduler", "controller-manager", a user's name.
 */
export type Who = "clients" | "components" | "everyone" | (string & {});

/** Which requests are meant; what is not said, any. */
export interface RequestMatch {
  /** Default "clients". */
  readonly who?: Who | readonly Who[];
  /** "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection". */
  readonly verb?: string | readonly string[];
  /** The plural, with a subresource where one is meant: "pods", "deployments", "pods/status". */
  readonly resource?: string | readonly string[];
  readonly namespace?: string;
  readonly name?: string;
}

/** A request as faults look at it. */
export interface Asked {
  readonly info: RequestInfo;
  /** Of the user, or of the client's certificate; "" for whoever comes with a token or nothing. */
  readonly userName: string;
}

export function askedOf({ method, path, query }: ApiRequest, context: RequestContext): Asked {
  return {
    info: parseRequestInfo(method, path, query),
    userName: context.user?.name ?? context.clientCertificate?.commonName ?? "",
  };
}

const nodePrefix = "system:node:";
const componentNames: Readonly<Record<string, string>> = {
  scheduler: identities.scheduler.name,
  "controller-manager": identities.controllerManager.name,
};
const components: ReadonlySet<string> = new Set(Object.values(componentNames));

export function isFrom(who: Who, userName: string): boolean {
  const isComponent = components.has(userName) || userName.startsWith(nodePrefix);
  switch (who) {
    case "everyone":
      return true;
    case "clients":
      return !isComponent;
    case "components":
      return isComponent;
    default:
      return userName === who || userName === (componentNames[who] ?? nodePrefix + who);
  }
}

const verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

export const matchNames: OptionNames<RequestMatch> = {
  who: true,
  verb: true,
  resource: true,
  namespace: true,
  name: true,
};

/** Throws where a match can never hit: a verb that there is not, a kind in the place of its plural. */
export function checkMatch(fault: string, { verb = [], resource = [] }: RequestMatch): void {
  for (const one of anyOf(verb))
    if (!verbs.includes(one))
      throw new Error(`${fault}: there is no verb "${one}"; there are ${verbs.join(", ")}`);
  for (const one of anyOf(resource))
    if (!/^[a-z][a-z0-9-]*(\/[a-z]+)?$/.test(one))
      throw new Error(
        `${fault}: a resource is a plural without its group, such as "pods" or "pods/status", not "${one}"`,
      );
}

export function matches(match: RequestMatch, { info, userName }: Asked): boolean {
  const { who = "clients", verb, resource, namespace, name } = match;
  if (!anyOf(who).some((one) => isFrom(one, userName))) return false;
  if (verb !== undefined && !anyOf(verb).includes(info.verb)) return false;
  if (namespace !== undefined && info.namespace !== namespace) return false;
  if (name !== undefined && info.name !== name) return false;
  if (resource === undefined) return true;
  const asked = info.subresource === "" ? info.resource : `${info.resource}/${info.subresource}`;
  return anyOf(resource).includes(asked);
}

function anyOf<T extends string>(value: T | readonly T[]): readonly T[] {
  return typeof value === "string" ? [value] : value;
}
