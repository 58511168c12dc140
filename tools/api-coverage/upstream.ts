/**
 * What kube-apiserver v1.36 serves, as facts: read once from its OpenAPI document (`swagger.json`), kept in `upstream.json` so
 * that the comparison needs no file from outside the repository.
 */
export interface UpstreamApi {
  /** Methods by path, as in "get post"; without the deprecated `/watch/` paths' parameters or descriptions. */
  readonly paths: Readonly<Record<string, string>>;
  /** Kinds by group, version and plural: "apps/v1/deployments". */
  readonly kinds: Readonly<Record<string, string>>;
  /** By SIG: how many behaviours the conformance suite has, and how many of them tests named when that was last counted. */
  readonly conformance?: Readonly<Record<string, readonly [covered: number, behaviours: number]>>;
}

const methods = ["get", "head", "options", "post", "put", "patch", "delete"];

interface Operation {
  readonly "x-kubernetes-group-version-kind"?: { readonly kind: string };
}

export function readSwagger(document: {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}): UpstreamApi {
  const paths: Record<string, string> = {};
  const kinds: Record<string, string> = {};
  for (const [path, item] of Object.entries(document.paths)) {
    const served = methods.filter((method) => item[method] !== undefined);
    paths[path.length > 1 ? path.replace(/\/$/, "") : path] = served.join(" ");
    const resource = resourceOf(path);
    const kind = (item.get ?? item.post)?.["x-kubernetes-group-version-kind"]?.kind;
    if (resource !== undefined && resource.subresource === "" && kind !== undefined)
      kinds[`${resource.groupVersion}/${resource.plural}`] = kind;
  }
  return { paths, kinds };
}

export interface PathResource {
  /** "v1" or "apps/v1". */
  readonly groupVersion: string;
  readonly plural: string;
  /** "" for the resource itself. */
  readonly subresource: string;
}

/** Which resource a path of the API is about; undefined: discovery, or no resource. */
export function resourceOf(path: string): PathResource | undefined {
  const match = /^\/(?:api|apis\/([^/]+))\/(v[^/]+)\/(?:watch\/)?(?:namespaces\/\{namespace\}\/)?(.+)$/.exec(
    path,
  );
  if (match === null) return undefined;
  const [, group, version = "", rest = ""] = match;
  const [plural = "", , ...subresource] = rest.split("/");
  return {
    groupVersion: group === undefined ? version : `${group}/${version}`,
    plural,
    subresource: subresource.filter((part) => part !== "{path}").join("/"),
  };
}

export type Stability = "stable" | "beta" | "alpha";

export function stabilityOf(groupVersion: string): Stability {
  if (/v\d+alpha\d+$/.test(groupVersion)) return "alpha";
  return /v\d+beta\d+$/.test(groupVersion) ? "beta" : "stable";
}

/** An admission plugin that kube-apiserver v1.36 has on unless told otherwise. */
export interface UpstreamPlugin {
  readonly name: string;
  /** Why a plain cluster sees nothing of it, where that is so. */
  readonly idle?: string;
}

/** In the order in which upstream asks them. NodeRestriction is off there by default; every installer turns it on. */
export const upstreamPlugins: readonly UpstreamPlugin[] = [
  { name: "NamespaceLifecycle" },
  { name: "LimitRanger" },
  { name: "ServiceAccount" },
  { name: "NodeRestriction" },
  { name: "TaintNodesByCondition" },
  { name: "PodSecurity" },
  { name: "Priority" },
  { name: "DefaultTolerationSeconds" },
  { name: "DefaultStorageClass" },
  { name: "StorageObjectInUseProtection" },
  { name: "PodGroupProtection", idle: "acts on pod groups, an alpha API" },
  { name: "PersistentVolumeClaimResize" },
  { name: "RuntimeClass" },
  { name: "CertificateApproval" },
  { name: "CertificateSigning" },
  { name: "ClusterTrustBundleAttest", idle: "acts on cluster trust bundles, a beta API that is off" },
  { name: "CertificateSubjectRestriction" },
  { name: "DefaultIngressClass" },
  { name: "PodTopologyLabels" },
  { name: "PodGroupWorkloadExists", idle: "acts on pod groups, an alpha API" },
  {
    name: "NodeDeclaredFeatureValidator",
    idle: "holds updates of pods against what older nodes declare to know, in beta; nodes here declare nothing",
  },
  { name: "JobValidation", idle: "acts on jobs with workloads, an alpha API" },
  { name: "PodResizeValidator" },
  { name: "MutatingAdmissionPolicy" },
  { name: "MutatingAdmissionWebhook" },
  { name: "ValidatingAdmissionPolicy" },
  { name: "ValidatingAdmissionWebhook" },
  { name: "ResourceQuota" },
];
