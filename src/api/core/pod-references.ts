import type { Pod } from "./types.generated.ts";

/** The shapes a container refers to config maps and secrets in; init and ephemeral containers too. */
function* environmentsOf(pod: Pod) {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  for (const container of [...initContainers, ...containers, ...ephemeralContainers]) yield container;
}

/** The names of secrets a pod's spec mentions. */
export function secretsOf(pod: Pod): Set<string> {
  const names = new Set<string>();
  const add = (name: string | undefined) => name && names.add(name);
  for (const reference of pod.spec.imagePullSecrets ?? []) add(reference.name);
  for (const container of environmentsOf(pod)) {
    for (const from of container.envFrom ?? []) add(from.secretRef?.name);
    for (const variable of container.env ?? []) add(variable.valueFrom?.secretKeyRef?.name);
  }
  for (const volume of pod.spec.volumes ?? []) {
    add(volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) add(source.secret?.name);
    add(volume.azureFile?.secretName);
    add(volume.cephfs?.secretRef?.name);
    add(volume.cinder?.secretRef?.name);
    add(volume.csi?.nodePublishSecretRef?.name);
    add(volume.flexVolume?.secretRef?.name);
    add(volume.iscsi?.secretRef?.name);
    add(volume.rbd?.secretRef?.name);
    add(volume.scaleIO?.secretRef?.name);
    add(volume.storageos?.secretRef?.name);
  }
  return names;
}

/** The names of config maps a pod's spec mentions. */
export function configMapsOf(pod: Pod): Set<string> {
  const names = new Set<string>();
  const add = (name: string | undefined) => name && names.add(name);
  for (const container of environmentsOf(pod)) {
    for (const from of container.envFrom ?? []) add(from.configMapRef?.name);
    for (const variable of container.env ?? []) add(variable.valueFrom?.configMapKeyRef?.name);
  }
  for (const volume of pod.spec.volumes ?? []) {
    add(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) add(source.configMap?.name);
  }
  return names;
}

const volumesOfApi: Readonly<Record<string, string>> = {
  configMap: "configmaps (via configmap volumes)",
  secret: "secrets (via secret volumes)",
  csi: "csidrivers (via CSI volumes)",
  glusterfs: "endpoints (via glusterFS volumes)",
  persistentVolumeClaim: "persistentvolumeclaims",
  ephemeral: "persistentvolumeclaims (via ephemeral volumes)",
  azureFile: "secrets (via azureFile volumes)",
};
const projectionsOfApi: Readonly<Record<string, string>> = {
  configMap: "configmaps (via projected volumes)",
  secret: "secrets (via projected volumes)",
  serviceAccountToken: "serviceaccounts (via projected volumes)",
  clusterTrustBundle: "clustertrustbundles",
  podCertificate: "podcertificates",
};

/** What of the API a pod's spec refers to, in upstream's words (`HasAPIObjectReference`): mirror pods must not. */
export function apiReferenceOf(pod: Pod): string | undefined {
  if (pod.spec.serviceAccountName) return "serviceaccounts";
  if (secretsOf(pod).size > 0) return "secrets";
  if (configMapsOf(pod).size > 0) return "configmaps";
  if ((pod.spec.resourceClaims ?? []).length > 0) return "resourceclaims";
  for (const volume of pod.spec.volumes ?? []) {
    const sources = [
      ...Object.keys(volume).map((source) => volumesOfApi[source]),
      ...(volume.projected?.sources ?? []).flatMap(Object.keys).map((source) => projectionsOfApi[source]),
    ];
    const reference = sources.find((source) => source !== undefined);
    if (reference !== undefined) return reference;
  }
  return undefined;
}
