/** Persistent volume claims, and the templates of claims in pods and stateful sets. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateAnnotations, validateLabelSelector, validateLabels } from "../../apimachinery/labels.ts";
import { dns1123Label, dns1123Subdomain, qualifiedName } from "../../apimachinery/names.ts";
import { compareQuantity, parseQuantity, quantityValue, zeroQuantity } from "../../apimachinery/quantity.ts";
import { unifiedDiff } from "../../apimachinery/unified-diff.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import { resourceAmountErrors } from "./resource-validation.ts";
import type {
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const volumeModes = ["Block", "Filesystem"];

export function accessModeErrors(path: string, modes: readonly string[]): Errors {
  const errors: FieldError[] = modes
    .filter((mode) => !accessModes.includes(mode))
    .map((mode) => field.notSupported(path, mode, accessModes));
  const known = modes.filter((mode) => accessModes.includes(mode));
  if (known.includes("ReadWriteOncePod") && known.some((mode) => mode !== "ReadWriteOncePod"))
    errors.push(field.forbidden(path, "may not use ReadWriteOncePod with other access modes"));
  return errors;
}

export function volumeModeErrors(path: string, mode: string | undefined): Errors {
  return mode === undefined || volumeModes.includes(mode)
    ? []
    : [field.notSupported(path, mode, volumeModes)];
}

export function classNameErrors(path: string, name: string | undefined): Errors {
  return name ? field.invalidEach(path, name, dns1123Subdomain(name)) : [];
}

export function validateClaimTemplate(
  path: string,
  { metadata, spec }: PersistentVolumeClaimTemplate,
): Errors {
  const at = field.child(path, "metadata");
  const others = Object.keys(metadata ?? {}).filter((name) => name !== "annotations" && name !== "labels");
  return [
    ...validateAnnotations(field.child(at, "annotations"), metadata?.annotations),
    ...validateLabels(field.child(at, "labels"), metadata?.labels),
    ...others.map((name) => field.forbidden(field.child(at, name), "cannot be set")),
    ...validateClaimSpec(field.child(path, "spec"), spec),
  ];
}

export function validateClaimSpec(path: string, spec: PersistentVolumeClaimSpec): Errors {
  const modes = spec.accessModes ?? [];
  const modesPath = field.child(path, "accessModes");
  return [
    ...(modes.length === 0 ? [field.required(modesPath, "at least 1 access mode is required")] : []),
    ...validateLabelSelector(field.child(path, "selector"), spec.selector),
    ...accessModeErrors(modesPath, modes),
    ...storageErrors(field.at(field.child(path, "resources"), "storage"), spec.resources?.requests?.storage),
    ...classNameErrors(field.child(path, "storageClassName"), spec.storageClassName),
    ...volumeModeErrors(field.child(path, "volumeMode"), spec.volumeMode),
    ...validateDataSources(path, spec),
    ...classNameErrors(field.child(path, "volumeAttributesClassName"), spec.volumeAttributesClassName),
  ];
}

function storageErrors(path: string, amount: string | undefined): Errors {
  if (amount === undefined) return [field.required(path)];
  if (compareQuantity(parseQuantity(amount), zeroQuantity) <= 0)
    return [field.invalid(path, amount, "must be greater than zero")];
  return resourceAmountErrors(path, "storage", amount);
}

function validateDataSources(path: string, { dataSource, dataSourceRef }: PersistentVolumeClaimSpec): Errors {
  const errors: FieldError[] = [];
  for (const [name, source] of Object.entries({ dataSource, dataSourceRef }))
    if (source !== undefined) errors.push(...validateDataSource(field.child(path, name), source));
  const { namespace = "" } = dataSourceRef ?? {};
  if (namespace !== "") {
    errors.push(
      ...field.invalidEach(
        field.child(path, "dataSourceRef", "namespace"),
        namespace,
        dns1123Label(namespace),
      ),
    );
    if (dataSource !== undefined)
      errors.push(
        field.invalid(
          path,
          {},
          // Upstream shows a path here, and a path is a struct without public fields.
          "may not be specified when dataSourceRef.namespace is specified",
        ),
      );
  } else if (dataSource !== undefined && dataSourceRef !== undefined) {
    const same = (["apiGroup", "kind", "name"] as const).every(
      (name) => dataSource[name] === dataSourceRef[name],
    );
    if (!same) errors.push(field.invalid(path, {}, "must match dataSourceRef"));
  }
  return errors;
}

function validateDataSource(
  path: string,
  { name, kind, apiGroup = "" }: { readonly name: string; readonly kind: string; readonly apiGroup?: string },
): Errors {
  const errors: FieldError[] = [];
  if (!name) errors.push(field.required(field.child(path, "name")));
  if (!kind) errors.push(field.required(field.child(path, "kind")));
  if (apiGroup === "" && kind !== "PersistentVolumeClaim")
    errors.push(
      field.invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"),
    );
  if (apiGroup !== "")
    errors.push(...field.invalidEach(field.child(path, "apiGroup"), apiGroup, dns1123Subdomain(apiGroup)));
  return errors;
}

export function validateClaim(claim: PersistentVolumeClaim): Errors {
  return validateClaimSpec("spec", claim.spec);
}

/** After creation a claim can only grow, be bound, and change its attributes' class. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors {
  const errors = [...validateClaim(claim)];
  const isBinding = !old.spec.volumeName;
  const isBound = old.status?.phase === "Bound";
  errors.push(...annotationErrors(claim, old));
  const masked = maskChangeable(claim, old, { isBinding, isBound });
  if (!field.semanticEqual(masked, old.spec)) {
    const difference = unifiedDiff(
      inGoForm("PersistentVolumeClaimSpec", old.spec),
      inGoForm("PersistentVolumeClaimSpec", masked),
    );
    errors.push(
      field.forbidden(
        "spec",
        `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${difference}`,
      ),
    );
  }
  errors.push(...shrinkErrors(claim, old));
  errors.push(...field.immutable("volumeMode", claim.spec.volumeMode, old.spec.volumeMode));
  if (old.status?.currentVolumeAttributesClassName !== undefined && !claim.spec.volumeAttributesClassName)
    if (claim.spec.volumeAttributesClassName !== old.spec.volumeAttributesClassName) {
      const what = claim.spec.volumeAttributesClassName === undefined ? "nil" : "empty string";
      const detail = `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`;
      errors.push(field.forbidden("spec.volumeAttributesClassName", detail));
    }
  return errors;
}

const classAnnotation = "volume.beta.kubernetes.io/storage-class";

/** The annotation of old stays, unless its class moves to the field. */
function annotationErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors {
  const after = claim.metadata.annotations?.[classAnnotation];
  const before = old.metadata.annotations?.[classAnnotation];
  const moves = before !== undefined && claim.spec.storageClassName === before && after === undefined;
  if (after === before || (moves && old.spec.storageClassName === undefined)) return [];
  // Upstream's path: a child of this name, not a key.
  const path = field.child("metadata.annotations", classAnnotation);
  return [field.invalid(path, after ?? "", field.immutableMessage)];
}

/** The new spec with the old one's values wherever a change is allowed. */
function maskChangeable(
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
  { isBinding, isBound }: { readonly isBinding: boolean; readonly isBound: boolean },
): PersistentVolumeClaimSpec {
  const masked: Record<string, unknown> = { ...claim.spec };
  const restore = (name: keyof PersistentVolumeClaimSpec) => {
    masked[name] = old.spec[name];
  };
  if (isBinding) restore("volumeName");
  if (isBound && claim.spec.resources?.requests !== undefined)
    masked.resources = { ...claim.spec.resources, requests: old.spec.resources?.requests };
  if (isBound) restore("volumeAttributesClassName");
  // A class may be given to a claim that has none, or move from the annotation of old to the field.
  const annotated = old.metadata.annotations?.[classAnnotation];
  const givenClass = claim.spec.storageClassName;
  if (old.spec.storageClassName === undefined && (annotated === undefined || annotated === givenClass))
    restore("storageClassName");
  return masked as PersistentVolumeClaimSpec; // fields of two specs
}

function shrinkErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): Errors {
  const size = claim.spec.resources?.requests?.storage ?? "0";
  const before = old.spec.resources?.requests?.storage;
  if (before === undefined) return [];
  if (compareQuantity(parseQuantity(size), parseQuantity(before)) >= 0) return [];
  const reached = old.status?.capacity?.storage ?? "0";
  if (compareQuantity(parseQuantity(size), parseQuantity(reached)) > 0) return [];
  return [field.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")];
}

const resizeStates = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
  "NodeResizePending",
];

export function validateClaimStatusUpdate(claim: PersistentVolumeClaim): Errors {
  const { capacity = {}, allocatedResources = {}, allocatedResourceStatuses = {} } = claim.status ?? {};
  const negative = (path: string, amount: string) =>
    parseQuantity(amount).unscaled < 0n
      ? [field.invalid(path, quantityValue(amount), "must be a valid resource quantity")]
      : [];
  return [
    ...Object.entries(capacity).flatMap(([name, amount]) =>
      negative(field.at("status.capacity", name), amount),
    ),
    ...Object.entries(allocatedResourceStatuses).flatMap(([name, state]) => [
      ...claimResourceErrors("status.allocatedResourceStatuses", name),
      ...(resizeStates.includes(state)
        ? []
        : [field.notSupported("status.allocatedResourceStatuses", name, resizeStates)]),
    ]),
    ...Object.entries(allocatedResources).flatMap(([name, amount]) => [
      ...claimResourceErrors("status.allocatedResources", name),
      ...negative(field.at("status.allocatedResources", name), amount),
    ]),
  ];
}

function claimResourceErrors(path: string, name: string): Errors {
  const errors = field.invalidEach(path, name, qualifiedName(name));
  const isNative = !name.includes("/") || name.includes("kubernetes.io/");
  if (errors.length > 0 || !isNative || name === "storage") return errors;
  return [field.notSupported(path, name, ["storage"])];
}
