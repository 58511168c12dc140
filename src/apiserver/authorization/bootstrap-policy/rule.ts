import type { PolicyRule } from "../../../api/rbac/types.generated.ts";

/** A shorthand for the tables of this folder: lists are words in one string, `core` stands for the core group. */
export function allow(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups)
      .map((group) => (group === "core" ? "" : group))
      .sort(),
    resources: words(resources),
    ...(names === undefined ? {} : { resourceNames: words(names) }),
  };
}

export function allowUrls(verbs: string, urls: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(urls) };
}

function words(text: string): string[] {
  return text.split(" ").sort();
}

export const read = "get list watch";
export const write = "create update patch delete deletecollection";
export const readWrite = `${read} ${write}`;
export const readUpdate = `${read} update patch`;

export const events = allow("create update patch", "core events.k8s.io", "events");

export const certificates = "certificates.k8s.io";
export const rbac = "rbac.authorization.k8s.io";
export const authentication = "authentication.k8s.io";
export const authorization = "authorization.k8s.io";
export const storage = "storage.k8s.io";
export const networking = "networking.k8s.io";
export const dynamicResources = "resource.k8s.io";
export const coordination = "coordination.k8s.io";
export const discovery = "discovery.k8s.io";
export const admissionRegistration = "admissionregistration.k8s.io";
