import type { UserInfo } from "../../client/exchange.ts";

/** Names that authentication gives out and authorization relies on. */
export const groups = {
  authenticated: "system:authenticated",
  unauthenticated: "system:unauthenticated",
  serviceAccounts: "system:serviceaccounts",
} as const;

export const anonymousUser: UserInfo = { name: "system:anonymous", groups: [groups.unauthenticated] };

export const extraKeys = {
  podName: "authentication.kubernetes.io/pod-name",
  podUid: "authentication.kubernetes.io/pod-uid",
  nodeName: "authentication.kubernetes.io/node-name",
  nodeUid: "authentication.kubernetes.io/node-uid",
  credentialId: "authentication.kubernetes.io/credential-id",
} as const;

const serviceAccountPrefix = "system:serviceaccount:";

export function serviceAccountUserName(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): string[] {
  return [groups.serviceAccounts, `${groups.serviceAccounts}:${namespace}`];
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function isSubdomain(name: string): boolean {
  return name.length <= 253 && name.split(".").every((label) => dnsLabel.test(label));
}

/** Namespace and name of the service account a user name stands for; undefined for any other user. */
export function parseServiceAccount(userName: string): { namespace: string; name: string } | undefined {
  if (!userName.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace = "", name = "", ...more] = userName.slice(serviceAccountPrefix.length).split(":");
  if (more.length > 0 || !dnsLabel.test(namespace) || !isSubdomain(name)) return undefined;
  return { namespace, name };
}

/** The node a user name stands for, whatever its groups. */
export function parseNodeUser(userName: string): string | undefined {
  const name = userName.startsWith("system:node:") ? userName.slice("system:node:".length) : "";
  return isSubdomain(name) ? name : undefined;
}

/** Adds system:authenticated, as every authenticated user has it. */
export function authenticatedUser(user: UserInfo): UserInfo {
  return user.groups.includes(groups.authenticated) || user.groups.includes(groups.unauthenticated)
    ? user
    : { ...user, groups: [...user.groups, groups.authenticated] };
}
