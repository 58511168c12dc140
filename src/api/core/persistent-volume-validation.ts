import type { FieldError } from "../../apimachinery/api-error.ts";
import { parseQuantity, quantityValue } from "../../apimachinery/quantity.ts";
import { unifiedDiff } from "../../apimachinery/unified-diff.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import { validateNodeSelector } from "./affinity-validation.ts";
import { accessModeErrors, classNameErrors, volumeModeErrors } from "./claim-validation.ts";
import type { PersistentVolume, PersistentVolumeSpec } from "./types.generated.ts";
import { validateSourceFields } from "./volume-source-validation.ts";

type Errors = readonly FieldError[];

/** In the order in which upstream looks for them: the first that is there is the volume's source. */
const sourceOrder = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
] as const;

function sourcesOf(spec: PersistentVolumeSpec): Partial<PersistentVolumeSpec> {
  const given = sourceOrder.filter((name) => spec[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, spec[name]]));
}

export function validatePersistentVolume({ metadata, spec }: PersistentVolume): Errors {
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
    ...validateSources("spec", spec, metadata.name ?? ""),
    ...classNameErrors("spec.storageClassName", spec.storageClassName),
    ...volumeModeErrors("spec.volumeMode", spec.volumeMode),
  ];
  const { volumeAttributesClassName: attributesClass } = spec;
  if (attributesClass === undefined) return errors;
  if (attributesClass === "")
    errors.push(field.required("spec.volumeAttributesClassName", "an empty string is disallowed"));
  else errors.push(...classNameErrors("spec.volumeAttributesClassName", attributesClass));
  if (spec.csi === undefined)
    errors.push(field.required("spec.csi", "has to be specified when using volumeAttributesClassName"));
  return errors;
}

function validateCapacity({ capacity }: PersistentVolumeSpec): Errors {
  const errors: FieldError[] = [];
  const names = Object.keys(capacity ?? {}).sort();
  if (names.length === 0) errors.push(field.required("spec.capacity"));
  if (capacity?.storage === undefined || names.length > 1) {
    const shown = capacity && Object.fromEntries(names.map((name) => [name, capacity[name]]));
    errors.push(field.notSupported("spec.capacity", shown, ["storage"]));
  }
  for (const name of names) {
    const amount = capacity?.[name] ?? "0";
    const path = field.at("spec.capacity", name);
    const { unscaled } = parseQuantity(amount);
    if (unscaled < 0n)
      errors.push(field.invalid(path, quantityValue(amount), "must be a valid resource quantity"));
    if (unscaled <= 0n) errors.push(field.invalid(path, amount, "must be greater than zero"));
  }
  return errors;
}

function validateNodeAffinity({ nodeAffinity }: PersistentVolumeSpec): Errors {
  if (nodeAffinity === undefined) return [];
  return nodeAffinity.required === undefined
    ? [field.required("spec.nodeAffinity.required", "must specify required node constraints")]
    : validateNodeSelector("spec.nodeAffinity.required", nodeAffinity.required);
}

function validateSources(path: string, spec: PersistentVolumeSpec, volumeName: string): Errors {
  const [first, ...others] = sourceOrder.filter((name) => spec[name] !== undefined);
  if (first === undefined) return [field.required(path, "must specify a volume type")];
  // Upstream's paths: the fields had other names once.
  const at = field.child(path, first === "gcePersistentDisk" ? "persistentDisk" : first);
  const errors = [...validateSourceFields(at, first, spec[first] ?? {}, { volumeName, isPersistent: true })];
  if (first === "local" && spec.nodeAffinity === undefined)
    errors.push(field.required(field.child(path, "nodeAffinity"), "Local volume requires node affinity"));
  for (const other of others)
    if (other === "flexVolume") {
      // Upstream counts it, but never refuses it for those that came before.
      const flexPath = field.child(path, other);
      errors.push(
        ...validateSourceFields(flexPath, other, spec.flexVolume ?? {}, { volumeName, isPersistent: true }),
      );
    } else
      errors.push(
        field.forbidden(
          field.child(path, other === "cephfs" ? "cephFS" : other),
          "may not specify more than 1 volume type",
        ),
      );
  if (isRoot(spec.hostPath?.path) && spec.persistentVolumeReclaimPolicy === "Recycle")
    errors.push(
      field.forbidden(
        field.child(path, "persistentVolumeReclaimPolicy"),
        "may not be 'recycle' for a hostPath mount of '/'",
      ),
    );
  return errors;
}

/** A volume that stands in its attachment, with no object of its own: what only objects have it may not have. */
export function validateInlineVolume(path: string, spec: PersistentVolumeSpec): Errors {
  const at = (name: string) => field.child(path, name);
  const detail = "may not be specified in the context of inline volumes";
  const modes = spec.accessModes ?? [];
  const { persistentVolumeReclaimPolicy: policy, volumeMode } = spec;
  const forbidden = (name: "claimRef" | "nodeAffinity") =>
    spec[name] === undefined ? [] : [field.forbidden(at(name), detail)];
  return [
    ...forbidden("claimRef"),
    ...(Object.keys(spec.capacity ?? {}).length > 0 ? [field.forbidden(at("capacity"), detail)] : []),
    ...(spec.csi === undefined
      ? [field.required(at("csi"), "has to be specified in the context of inline volumes")]
      : []),
    ...(modes.length === 0 ? [field.required(at("accessModes"))] : []),
    ...accessModeErrors(at("accessModes"), modes),
    ...(policy && policy !== "Retain"
      ? [
          field.forbidden(
            at("persistentVolumeReclaimPolicy"),
            "may only be Retain in the context of inline volumes",
          ),
        ]
      : []),
    ...forbidden("nodeAffinity"),
    ...validateSources(path, spec, ""),
    ...(spec.storageClassName ? [field.forbidden(at("storageClassName"), detail)] : []),
    ...(volumeMode !== undefined && volumeMode !== "Filesystem"
      ? [
          field.forbidden(
            at("volumeMode"),
            "may not specify volumeMode other than Filesystem in the context of inline volumes",
          ),
        ]
      : []),
  ];
}

/** Whatever way it is written: `//`, `/./`. */
function isRoot(path = ""): boolean {
  return path.startsWith("/") && path.split("/").every((part) => part === "" || part === ".");
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
  if (!field.semanticEqual(after, before)) {
    const difference = unifiedDiff(
      inGoForm("PersistentVolumeSource", before),
      inGoForm("PersistentVolumeSource", after),
    );
    const detail = `spec.persistentvolumesource is immutable after creation\n${difference}`;
    errors.push(field.forbidden("spec.persistentvolumesource", detail));
  }
  errors.push(...field.immutable("volumeMode", volume.spec.volumeMode, old.spec.volumeMode));
  if (old.spec.nodeAffinity !== undefined)
    errors.push(...affinityChangeErrors(volume.spec.nodeAffinity, old.spec.nodeAffinity));
  if (old.spec.volumeAttributesClassName !== undefined && volume.spec.volumeAttributesClassName === undefined)
    errors.push(
      field.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"),
    );
  return errors;
}

const stableLabels: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
};

type Affinity = PersistentVolumeSpec["nodeAffinity"];

/** Where a volume can be reached stays, but for old names of labels that give way to the new ones. */
function affinityChangeErrors(after: Affinity, before: Affinity): Errors {
  const terms = after?.required?.nodeSelectorTerms ?? [];
  const renamed = (before?.required?.nodeSelectorTerms ?? []).map((term, termIndex) => ({
    ...term,
    matchExpressions: (term.matchExpressions ?? []).map((requirement, index) => {
      const key = terms[termIndex]?.matchExpressions?.[index]?.key;
      return key !== undefined && stableLabels[requirement.key] === key
        ? { ...requirement, key }
        : requirement;
    }),
  }));
  if (field.semanticEqual(terms, renamed)) return [];
  const detail = `${field.immutableMessage}, except for updating from beta label to GA`;
  return [field.invalid("nodeAffinity", inGoForm("VolumeNodeAffinity", after), detail)];
}
