import { configMapsOf, secretsOf } from "../../api/core/pod-references.ts";
import type { PersistentVolume, Pod } from "../../api/core/types.generated.ts";
import { persistentVolumes, pods, resourceSlices, volumeAttachments } from "../../api/resources.generated.ts";
import type { InformerFactory } from "../../client/informer.ts";

/**
 * What a node has to do with an object. Upstream keeps a graph of pods and what they refer to; here the question is
 * answered from the node's own pods (a hundred or so) when it is asked, so that nothing has to be kept up to date.
 */
export interface NodeRelations {
  isRelated(nodeName: string, object: RelatedObject): boolean;
  readonly hasSynced: boolean;
}

export type RelatedKind =
  | "pods"
  | "secrets"
  | "configmaps"
  | "serviceaccounts"
  | "persistentvolumeclaims"
  | "persistentvolumes"
  | "resourceclaims"
  | "volumeattachments"
  | "resourceslices";

export interface RelatedObject {
  readonly kind: RelatedKind;
  readonly namespace: string;
  readonly name: string;
}

/** Reads that the relations are computed from. */
export interface NodeRelationSource {
  podsOfNode(nodeName: string): readonly Pod[];
  pod(namespace: string, name: string): Pod | undefined;
  persistentVolume(name: string): PersistentVolume | undefined;
  /** Volumes bound to this claim. */
  volumesOfClaim(namespace: string, claim: string): readonly PersistentVolume[];
  nodeOfAttachment(name: string): string | undefined;
  nodeOfSlice(name: string): string | undefined;
}

function isRelated(source: NodeRelationSource, nodeName: string, object: RelatedObject): boolean {
  const { kind, namespace, name } = object;
  switch (kind) {
    case "pods":
      return source.pod(namespace, name)?.spec.nodeName === nodeName;
    case "volumeattachments":
      return source.nodeOfAttachment(name) === nodeName;
    case "resourceslices":
      return source.nodeOfSlice(name) === nodeName;
    case "persistentvolumes": {
      const claim = source.persistentVolume(name)?.spec.claimRef;
      return claim?.namespace !== undefined && claim.name !== undefined
        ? isRelated(source, nodeName, {
            kind: "persistentvolumeclaims",
            namespace: claim.namespace,
            name: claim.name,
          })
        : false;
    }
    default: {
      const pods = ownPods(source, nodeName, kind === "secrets" ? undefined : namespace);
      return pods.some((pod) => refersTo(source, pod, object));
    }
  }
}

/** A mirror pod was made by the kubelet itself: what it refers to proves nothing. */
function ownPods(source: NodeRelationSource, nodeName: string, namespace: string | undefined): Pod[] {
  return source
    .podsOfNode(nodeName)
    .filter(
      (pod) =>
        (namespace === undefined || pod.metadata.namespace === namespace) &&
        pod.metadata.annotations?.["kubernetes.io/config.mirror"] === undefined,
    );
}

function refersTo(source: NodeRelationSource, pod: Pod, { kind, namespace, name }: RelatedObject): boolean {
  switch (kind) {
    case "serviceaccounts":
      return pod.spec.serviceAccountName === name;
    case "configmaps":
      return configMapsOf(pod).has(name);
    case "persistentvolumeclaims":
      return claimsOf(pod).has(name);
    case "resourceclaims":
      return resourceClaimsOf(pod).has(name);
    case "secrets":
      return (
        (pod.metadata.namespace === namespace && secretsOf(pod).has(name)) ||
        secretsOfVolumes(source, pod).has(`${namespace}/${name}`)
      );
    default:
      return false;
  }
}

function claimsOf(pod: Pod): Set<string> {
  const names = new Set<string>();
  for (const volume of pod.spec.volumes ?? []) {
    if (volume.persistentVolumeClaim !== undefined) names.add(volume.persistentVolumeClaim.claimName);
    if (volume.ephemeral !== undefined) names.add(`${pod.metadata.name}-${volume.name}`);
  }
  return names;
}

function resourceClaimsOf(pod: Pod): Set<string> {
  const names = new Set<string>();
  for (const claim of pod.spec.resourceClaims ?? []) {
    if (claim.resourceClaimName !== undefined) names.add(claim.resourceClaimName);
  }
  for (const status of pod.status?.resourceClaimStatuses ?? []) {
    if (status.resourceClaimName !== undefined) names.add(status.resourceClaimName);
  }
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended !== undefined) names.add(extended);
  return names;
}

/** "namespace/name" of the secrets that the volumes bound to a pod's claims need on the node. */
function secretsOfVolumes(source: NodeRelationSource, pod: Pod): Set<string> {
  const names = new Set<string>();
  const namespace = pod.metadata.namespace ?? "";
  type Reference = { readonly name?: string; readonly namespace?: string } | undefined;
  /** Without a namespace of its own, a reference means the claim's, except in the kinds that never did. */
  const add = (reference: Reference, fallback = namespace) => {
    if (reference?.name) names.add(`${reference.namespace || fallback}/${reference.name}`);
  };
  for (const claim of claimsOf(pod)) {
    for (const { spec } of source.volumesOfClaim(namespace, claim)) {
      add(spec.csi?.nodePublishSecretRef);
      add(spec.csi?.nodeStageSecretRef);
      add(spec.csi?.nodeExpandSecretRef);
      add(spec.cephfs?.secretRef);
      add(spec.cinder?.secretRef, "");
      add(spec.storageos?.secretRef, "");
      add(spec.flexVolume?.secretRef);
      add(spec.iscsi?.secretRef);
      add(spec.rbd?.secretRef);
      add(spec.scaleIO?.secretRef);
      const { azureFile } = spec;
      if (azureFile !== undefined)
        names.add(`${azureFile.secretNamespace || namespace}/${azureFile.secretName}`);
    }
  }
  return names;
}

const byNode = "node-authorizer-node";
const byClaim = "node-authorizer-claim";

/** Relations read from shared informers. */
export function informerNodeRelations(informers: InformerFactory): NodeRelations {
  const podInformer = informers.informer(pods);
  const volumeInformer = informers.informer(persistentVolumes);
  const attachmentInformer = informers.informer(volumeAttachments);
  const sliceInformer = informers.informer(resourceSlices);
  podInformer.addIndex(byNode, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
  volumeInformer.addIndex(byClaim, ({ spec: { claimRef } }) =>
    claimRef === undefined ? [] : [`${claimRef.namespace}/${claimRef.name}`],
  );
  const source: NodeRelationSource = {
    podsOfNode: (nodeName) => podInformer.lister.byIndex(byNode, nodeName),
    pod: (namespace, name) => podInformer.lister.get(`${namespace}/${name}`),
    persistentVolume: (name) => volumeInformer.lister.get(name),
    volumesOfClaim: (namespace, claim) => volumeInformer.lister.byIndex(byClaim, `${namespace}/${claim}`),
    nodeOfAttachment: (name) => attachmentInformer.lister.get(name)?.spec.nodeName,
    nodeOfSlice: (name) => sliceInformer.lister.get(name)?.spec.nodeName,
  };
  const all = [podInformer, volumeInformer, attachmentInformer, sliceInformer];
  return {
    isRelated: (nodeName, object) => isRelated(source, nodeName, object),
    get hasSynced() {
      return all.every((informer) => informer.hasSynced);
    },
  };
}
