import type { GroupVersion } from "./discovery-operations.ts";

/** The group versions, old ones and those that nobody asked for included, that upstream's scheme knows. */
const versionsOf: Readonly<Record<string, string>> = {
  "": "v1",
  "admission.k8s.io": "v1 v1beta1",
  "admissionregistration.k8s.io": "v1 v1alpha1 v1beta1",
  "apiextensions.k8s.io": "v1 v1beta1",
  "apiregistration.k8s.io": "v1 v1beta1",
  apps: "v1 v1beta1 v1beta2",
  "authentication.k8s.io": "v1 v1alpha1 v1beta1",
  "authorization.k8s.io": "v1 v1beta1",
  autoscaling: "v1 v2",
  batch: "v1 v1beta1",
  "certificates.k8s.io": "v1 v1alpha1 v1beta1",
  "coordination.k8s.io": "v1 v1alpha2 v1beta1",
  "discovery.k8s.io": "v1 v1beta1",
  "events.k8s.io": "v1 v1beta1",
  extensions: "v1beta1",
  "flowcontrol.apiserver.k8s.io": "v1 v1beta1 v1beta2 v1beta3",
  "imagepolicy.k8s.io": "v1alpha1",
  "internal.apiserver.k8s.io": "v1alpha1",
  "networking.k8s.io": "v1 v1beta1",
  "node.k8s.io": "v1 v1alpha1 v1beta1",
  policy: "v1 v1beta1",
  "rbac.authorization.k8s.io": "v1 v1alpha1 v1beta1",
  "resource.k8s.io": "v1 v1alpha3 v1beta1 v1beta2",
  "scheduling.k8s.io": "v1 v1alpha2 v1beta1",
  "storage.k8s.io": "v1 v1alpha1 v1beta1",
  "storagemigration.k8s.io": "v1beta1",
};

/** Kinds of the requests and answers of every group version; the other kinds of `meta.k8s.io` are of the core alone. */
const everywhere: ReadonlySet<string> = new Set(["DeleteOptions", "WatchEvent"]);

/** Groups that upstream's server of custom kinds does not know. */
const ofOtherServers: ReadonlySet<string> = new Set([
  "admission.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "imagepolicy.k8s.io",
]);

/**
 * What a kind of the machinery is, as `x-kubernetes-group-version-kind` lists it. A document about one group version
 * says no more than it needs.
 */
export function machineryKinds(kind: string, about: GroupVersion | "custom" | undefined): readonly object[] {
  const core = { group: "", kind, version: "v1" };
  if (!everywhere.has(kind)) return [core];
  if (about !== undefined && about !== "custom")
    return about.group === "" ? [core] : [core, { ...about, kind }];
  return Object.entries(versionsOf).flatMap(([group, versions]) =>
    about === "custom" && ofOtherServers.has(group)
      ? []
      : versions.split(" ").map((version) => ({ group, kind, version })),
  );
}
