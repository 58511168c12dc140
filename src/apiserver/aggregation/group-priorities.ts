/** How groups and versions are ranked in discovery: the higher comes first. Upstream's numbers. */
import { lookupTable } from "../../base/lookup-table.ts";

export interface Priority {
  readonly group: number;
  readonly version: number;
}

const stable = 15;

const groupPriorities: Readonly<Record<string, number>> = lookupTable({
  "": 18_000,
  apps: 17_800,
  "events.k8s.io": 17_750,
  "authentication.k8s.io": 17_700,
  "authorization.k8s.io": 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  "certificates.k8s.io": 17_300,
  "networking.k8s.io": 17_200,
  policy: 17_100,
  "rbac.authorization.k8s.io": 17_000,
  "storage.k8s.io": 16_800,
  "apiextensions.k8s.io": 16_700,
  "admissionregistration.k8s.io": 16_700,
  "scheduling.k8s.io": 16_600,
  "coordination.k8s.io": 16_500,
  "node.k8s.io": 16_300,
  "discovery.k8s.io": 16_200,
  "resource.k8s.io": 16_200,
  "flowcontrol.apiserver.k8s.io": 16_100,
});

/** Those whose stable version is not the only one that counts, or was numbered otherwise. */
const versionPriorities: Readonly<Record<string, number>> = lookupTable({
  "/v1": 1,
  "autoscaling/v2": 30,
  "flowcontrol.apiserver.k8s.io/v1": 21,
  "resource.k8s.io/v1": 21,
});

export const customPriority: Priority = { group: 1000, version: 100 };

/** The kind of APIServices itself: always the first of the named groups. */
export const registrationGroup = "apiregistration.k8s.io";
const registrationPriority: Priority = { group: 20_000, version: 1 };

/** Of a built-in version; undefined: it is none. */
export function builtInPriority(group: string, version: string): Priority | undefined {
  if (group === registrationGroup) return registrationPriority;
  if (!Object.hasOwn(groupPriorities, group)) return undefined;
  const priority = groupPriorities[group] ?? 0;
  return { group: priority, version: versionPriorities[`${group}/${version}`] ?? stable };
}
