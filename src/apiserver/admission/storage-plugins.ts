import type { PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import type { Ingress, IngressClass } from "../../api/networking/types.generated.ts";
import { ingressClasses, storageClasses } from "../../api/resources.generated.ts";
import type { StorageClass } from "../../api/storage/types.generated.ts";
import { internalError } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeObject } from "../../apimachinery/meta.ts";
import { compareQuantity, parseQuantity } from "../../apimachinery/quantity.ts";
import { lookupTable } from "../../base/lookup-table.ts";
import type { AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, isFor, refuse } from "./dependencies.ts";

/** Default classes, protection finalizers and the rules of growing a claim. */

const defaultClassAnnotations = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];
const betaClassAnnotation = "volume.beta.kubernetes.io/storage-class";

/** A claim that names no class gets the default one; "" is a name and means none. */
export function defaultStorageClass({ informers }: AdmissionDependencies): AdmissionPlugin {
  const classes = informers.informer(storageClasses).lister;
  return {
    name: "DefaultStorageClass",
    handles: (operation) => operation === "CREATE",
    admit(attributes) {
      if (!isFor(attributes, "", "persistentvolumeclaims") || attributes.object === undefined)
        return attributes.object;
      // The resource says that it is a claim.
      const claim = attributes.object as AnyObject & PersistentVolumeClaim;
      const hasClass =
        claim.metadata.annotations?.[betaClassAnnotation] !== undefined ||
        claim.spec.storageClassName !== undefined;
      const found = hasClass ? undefined : newestDefault(classes.list(), defaultClassAnnotations);
      const name = found?.metadata.name;
      return name === undefined ? claim : { ...claim, spec: { ...claim.spec, storageClassName: name } };
    },
  };
}

/** Of several defaults the newest counts, then the first by name. */
function newestDefault<T extends KubeObject>(
  classes: readonly T[],
  annotations: readonly string[],
): T | undefined {
  const createdAt = ({ metadata }: T) => Date.parse(metadata.creationTimestamp ?? "") || 0;
  return classes
    .filter(({ metadata }) => annotations.some((key) => metadata.annotations?.[key] === "true"))
    .toSorted(
      (a, b) => createdAt(b) - createdAt(a) || ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1),
    )[0];
}

const ingressAnnotation = "kubernetes.io/ingress.class";
const defaultIngressAnnotation = "ingressclass.kubernetes.io/is-default-class";

export function defaultIngressClass({ informers }: AdmissionDependencies): AdmissionPlugin {
  const classes = informers.informer(ingressClasses).lister;
  return {
    name: "DefaultIngressClass",
    handles: (operation) => operation === "CREATE",
    admit(attributes) {
      if (!isFor(attributes, "networking.k8s.io", "ingresses") || attributes.object === undefined)
        return attributes.object;
      // The resource says that it is an ingress.
      const ingress = attributes.object as AnyObject & Ingress;
      if (ingress.spec?.ingressClassName !== undefined) return ingress;
      if (ingress.metadata.annotations?.[ingressAnnotation] !== undefined) return ingress;
      const found = newestDefault<IngressClass>(classes.list(), [defaultIngressAnnotation]);
      const name = found?.metadata.name;
      return name === undefined ? ingress : { ...ingress, spec: { ...ingress.spec, ingressClassName: name } };
    },
  };
}

/** By "resource.group". */
const protectionFinalizers: Readonly<Record<string, string>> = lookupTable({
  "persistentvolumeclaims.": "kubernetes.io/pvc-protection",
  "persistentvolumes.": "kubernetes.io/pv-protection",
  "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
});

/** What is in use is not removed under its user: a controller takes the finalizer off when it is free. */
export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: "StorageObjectInUseProtection",
    handles: (operation) => operation === "CREATE",
    admit({ resource, subresource, object }) {
      const finalizer = protectionFinalizers[`${resource.resource}.${resource.group}`];
      if (finalizer === undefined || subresource !== "" || object === undefined) return object;
      const finalizers = object.metadata.finalizers ?? [];
      if (finalizers.includes(finalizer)) return object;
      return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
    },
  };
}

/** A claim grows only when it is bound and its class says that volumes can. */
export function claimResize({ informers }: AdmissionDependencies): AdmissionPlugin {
  const classes = informers.informer(storageClasses).lister;
  return {
    name: "PersistentVolumeClaimResize",
    handles: (operation) => operation === "UPDATE",
    validate(attributes) {
      if (!isFor(attributes, "", "persistentvolumeclaims")) return;
      if (attributes.object === undefined || attributes.oldObject === undefined) return;
      // The resource says that both are claims.
      const claim = attributes.object as AnyObject & PersistentVolumeClaim;
      const old = attributes.oldObject as AnyObject & PersistentVolumeClaim;
      if (!grows(claim, old)) return;
      const why = resizeRefusal(old, (name) => classes.get(name));
      if (why !== undefined) throw refuse(attributes, why);
    },
  };
}

function grows(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const storage = (object: PersistentVolumeClaim) =>
    parseQuantity(object.spec.resources?.requests?.storage ?? "0");
  return compareQuantity(storage(claim), storage(old)) > 0;
}

function resizeRefusal(
  claim: PersistentVolumeClaim,
  classNamed: (name: string) => StorageClass | undefined,
): string | undefined {
  if (claim.status === undefined) throw internalError("a persistent volume claim without status");
  if (claim.status.phase !== "Bound") return "Only bound persistent volume claims can be expanded";
  const name = claim.metadata.annotations?.[betaClassAnnotation] ?? claim.spec.storageClassName ?? "";
  if (name !== "" && classNamed(name)?.allowVolumeExpansion === true) return undefined;
  return "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
}
