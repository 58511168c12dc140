import type { FieldError } from "../../apimachinery/api-error.ts";
import { parseQuantity } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateNodeSelector } from "./affinity-validation.ts";
import { accessModeErrors, classNameErrors, volumeModeErrors } from "./claim-validation.ts";
import { pathBackstepErrors } from "./path-validation.ts";
import type { PersistentVolume, PersistentVolumeSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** Sources of a persistent volume, with the fields each must have. */
const sources: Readonly<Record<string, readonly string[]>> = {
  awsElasticBlockStore: ["volumeID"],
  azureDisk: ["diskName", "diskURI"],
  azureFile: ["secretName", "shareName"],
  cephfs: ["monitors"],
  cinder: ["volumeID"],
  csi: ["driver", "volumeHandle"],
  fc: [],
  flexVolume: ["driver"],
  flocker: [],
  gcePersistentDisk: ["pdName"],
  glusterfs: ["endpoints", "path"],
  hostPath: ["path"],
  iscsi: ["targetPortal", "iqn"],
  local: ["path"],
  nfs: ["server", "path"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  quobyte: ["registry", "volume"],
  rbd: ["monitors", "image"],
  scaleIO: ["gateway", "system", "volumeName"],
  storageos: [],
  vsphereVolume: ["volumePath"],
};

type Source = Readonly<Record<string, unknown>>;

function sourcesOf(spec: PersistentVolumeSpec): Readonly<Record<string, Source>> {
  const given: Record<string, Source> = {};
  for (const name in sources) {
    const source = spec[name as keyof PersistentVolumeSpec];
    if (source !== undefined) given[name] = source as Source; // sources are objects
  }
  return given;
}

export function validatePersistentVolume({ spec }: PersistentVolume): Errors {
  const modes = spec.accessModes ?? [];
  const errors: FieldError[] = [
    ...(modes.length === 0 ? [field.required("spec.accessModes")] : []),
    ...accessModeErrors("spec.accessModes", modes),
    ...validateCapacity(spec),
    ...field.oneOf("spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, [
      "Delete",
      "Recycle",
      "Retain",
    ]),
    ...validateNodeAffinity(spec),
    ...validateSources(spec),
    ...classNameErrors("spec.storageClassName", spec.storageClassName),
    ...volumeModeErrors("spec.volumeMode", spec.volumeMode),
  ];
  const { volumeAttributesClassName: attributesClass } = spec;
  if (attributesClass === undefined) return errors;
  if (attributesClass === "")
    errors.push(field.required("spec.volumeAttributesClassName", "an empty string is disallowed"));
  errors.push(...classNameErrors("spec.volumeAttributesClassName", attributesClass));
  if (spec.csi === undefined)
    errors.push(field.required("spec.csi", "has to be specified when using volumeAttributesClassName"));
  return errors;
}

function validateCapacity({ capacity = {} }: PersistentVolumeSpec): Errors {
  const errors: FieldError[] = [];
  const names = Object.keys(capacity);
  if (names.length === 0) errors.push(field.required("spec.capacity"));
  if (capacity.storage === undefined || names.length > 1)
    errors.push(field.notSupported("spec.capacity", capacity, ["storage"]));
  for (const [name, amount] of Object.entries(capacity)) {
    const path = field.at("spec.capacity", name);
    const { unscaled } = parseQuantity(amount);
    if (unscaled < 0n) errors.push(field.invalid(path, amount, "must be a valid resource quantity"));
    if (unscaled <= 0n) errors.push(field.invalid(path, amount, "must be greater than zero"));
  }
  return errors;
}

function validateNodeAffinity({ nodeAffinity, local }: PersistentVolumeSpec): Errors {
  if (nodeAffinity === undefined)
    return local === undefined
      ? []
      : [field.required("spec.nodeAffinity", "Local volume requires node affinity")];
  return nodeAffinity.required === undefined
    ? [field.required("spec.nodeAffinity.required", "must specify required node constraints")]
    : validateNodeSelector("spec.nodeAffinity.required", nodeAffinity.required);
}

function validateSources(spec: PersistentVolumeSpec): Errors {
  const [first, ...others] = Object.entries(sourcesOf(spec));
  if (first === undefined) return [field.required("spec", "must specify a volume type")];
  const [name, source] = first;
  const missing = (sources[name] ?? []).filter((fieldName) => {
    const value = source[fieldName];
    return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  });
  const errors: FieldError[] = missing.map((fieldName) =>
    field.required(field.child("spec", name, fieldName)),
  );
  const path = spec.hostPath?.path ?? spec.local?.path ?? "";
  errors.push(...pathBackstepErrors(field.child("spec", name, "path"), path));
  if (spec.nfs?.path && !spec.nfs.path.startsWith("/"))
    errors.push(field.invalid("spec.nfs.path", spec.nfs.path, "must be an absolute path"));
  if (path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle")
    errors.push(
      field.forbidden(
        "spec.persistentVolumeReclaimPolicy",
        "may not be 'recycle' for a hostPath mount of '/'",
      ),
    );
  return [
    ...errors,
    ...others.map(([other]) =>
      field.forbidden(field.child("spec", other), "may not specify more than 1 volume type"),
    ),
  ];
}

export function validatePersistentVolumeUpdate(volume: PersistentVolume, old: PersistentVolume): Errors {
  const errors: FieldError[] = [...validatePersistentVolume(volume)];
  const after = { ...sourcesOf(volume.spec) };
  const before = sourcesOf(old.spec);
  // The one thing of a source that may be added later.
  if (
    after.csi !== undefined &&
    before.csi !== undefined &&
    before.csi.controllerExpandSecretRef === undefined
  ) {
    const { controllerExpandSecretRef: _added, ...rest } = after.csi;
    after.csi = rest;
  }
  if (!field.semanticEqual(after, before))
    errors.push(
      field.forbidden(
        "spec.persistentvolumesource",
        `spec.persistentvolumesource is immutable after creation\n${field.describeDifference(before, after)}`,
      ),
    );
  errors.push(...field.immutable("volumeMode", volume.spec.volumeMode, old.spec.volumeMode));
  if (old.spec.nodeAffinity !== undefined)
    errors.push(...field.immutable("nodeAffinity", volume.spec.nodeAffinity, old.spec.nodeAffinity));
  if (old.spec.volumeAttributesClassName !== undefined && volume.spec.volumeAttributesClassName === undefined)
    errors.push(
      field.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"),
    );
  return errors;
}
