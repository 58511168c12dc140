/** Validation of `metadata`, the same for every kind (upstream's `ValidateObjectMeta` and its update form). */
import type { FieldError } from "./api-error.ts";
import { validateAnnotations, validateLabels } from "./labels.ts";
import { type ManagedFieldsEntry, type ObjectMeta, type OwnerReference, parseApiVersion } from "./meta.ts";
import { asPrefix, byteLength, dns1123Label, qualifiedName, type Reasons } from "./names.ts";
import * as field from "./validation.ts";

export interface MetadataRules {
  readonly namespaced: boolean;
  /** The format of this kind's names. */
  readonly checkName: (name: string) => Reasons;
  /** Finalizers without a domain are those of Kubernetes itself. */
  readonly onlyKnownFinalizers?: boolean;
}

const knownFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

function unknownFinalizers(finalizers: readonly string[] | undefined, path: string): readonly FieldError[] {
  return field.each(path, finalizers, (name, at) =>
    name.includes("/") || knownFinalizers.includes(name)
      ? []
      : [field.invalid(at, name, "name is neither a standard finalizer name nor is it fully qualified")],
  );
}

/** For a new object, its name already generated. */
export function validateMetadata(
  metadata: ObjectMeta,
  rules: MetadataRules,
  path = "metadata",
): readonly FieldError[] {
  const { name = "", generateName = "" } = metadata;
  const errors: FieldError[] = [];
  if (generateName !== "") {
    const reasons = asPrefix(rules.checkName)(generateName);
    errors.push(...field.invalidEach(field.child(path, "generateName"), generateName, reasons));
  }
  if (name === "") errors.push(field.required(field.child(path, "name"), "name or generateName is required"));
  else errors.push(...field.invalidEach(field.child(path, "name"), name, rules.checkName(name)));
  errors.push(
    ...validateNamespaceField(metadata.namespace ?? "", rules.namespaced, field.child(path, "namespace")),
  );
  errors.push(...field.nonNegative(field.child(path, "generation"), metadata.generation));
  errors.push(...validateCommon(metadata, path));
  errors.push(...validateFinalizers(metadata.finalizers ?? [], field.child(path, "finalizers")));
  if (rules.onlyKnownFinalizers === true)
    errors.push(...unknownFinalizers(metadata.finalizers, field.child(path, "finalizers")));
  return errors;
}

function validateNamespaceField(namespace: string, namespaced: boolean, path: string): readonly FieldError[] {
  if (!namespaced) return namespace === "" ? [] : [field.forbidden(path, "not allowed on this type")];
  if (namespace === "") return [field.required(path)];
  return field.invalidEach(path, namespace, dns1123Label(namespace));
}

function validateCommon(metadata: ObjectMeta, path: string): readonly FieldError[] {
  return [
    ...validateLabels(field.child(path, "labels"), metadata.labels),
    ...validateAnnotations(field.child(path, "annotations"), metadata.annotations),
    ...validateOwnerReferences(metadata.ownerReferences ?? [], field.child(path, "ownerReferences")),
    ...validateManagedFields(metadata.managedFields ?? [], field.child(path, "managedFields")),
  ];
}

const fixedOnUpdate = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** For a changed object: what must not change, and what is new. */
export function validateMetadataUpdate(
  metadata: ObjectMeta,
  old: ObjectMeta,
  rules: Pick<MetadataRules, "onlyKnownFinalizers"> = {},
  path = "metadata",
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name)).sort();
    if (added.length > 0) {
      const list = `[]string{${added.map(field.quote).join(", ")}}`;
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
      errors.push(field.forbidden(field.child(path, "finalizers"), detail));
    }
  }
  if ((metadata.resourceVersion ?? "") === "")
    errors.push(field.invalid(field.child(path, "resourceVersion"), "", "must be specified for an update"));
  if ((metadata.generation ?? 0) < (old.generation ?? 0))
    errors.push(
      field.invalid(field.child(path, "generation"), metadata.generation ?? 0, "must not be decremented"),
    );
  for (const name of fixedOnUpdate)
    errors.push(...field.immutable(field.child(path, name), metadata[name], old[name]));
  errors.push(...validateCommon(metadata, path));
  if (rules.onlyKnownFinalizers === true)
    errors.push(...unknownFinalizers(metadata.finalizers, field.child(path, "finalizers")));
  return errors;
}

function validateOwnerReferences(references: readonly OwnerReference[], path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  let controller = "";
  for (const reference of references) {
    errors.push(...validateOwnerReference(reference, path));
    if (reference.controller !== true) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller === "") controller = name;
    else
      errors.push(
        field.invalid(
          path,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`,
        ),
      );
  }
  return errors;
}

function validateOwnerReference(reference: OwnerReference, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const apiVersion = reference.apiVersion ?? "";
  if (parseApiVersion(apiVersion).version === "")
    errors.push(field.invalid(field.child(path, "apiVersion"), apiVersion, "version must not be empty"));
  for (const name of ["kind", "name", "uid"] as const) {
    const value: string | undefined = reference[name];
    if (value === undefined || value === "")
      errors.push(field.invalid(field.child(path, name), "", "must not be empty"));
  }
  // Events come and go by themselves: what they owned would be collected at once.
  if (apiVersion === "v1" && reference.kind === "Event")
    errors.push(field.invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"));
  return errors;
}

function validateFinalizers(finalizers: readonly string[], path: string): readonly FieldError[] {
  const errors = finalizers.flatMap((name) => [...field.invalidEach(path, name, qualifiedName(name))]);
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion"))
    errors.push(
      field.invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"),
    );
  return errors;
}

const maxManagerBytes = 128;
const maxSubresourceBytes = 256;

/** Also the check of the `fieldManager` query parameter. */
export function validateFieldManager(path: string, manager: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (byteLength(manager) > maxManagerBytes) errors.push(field.tooLong(path, maxManagerBytes));
  for (const { index, 0: character } of manager.matchAll(/[\p{C}\p{Zl}\p{Zp}]|[^\P{Zs} ]/gu)) {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    errors.push(field.invalid(path, manager, `invalid character U+${code} (at position ${index})`));
  }
  return errors;
}

function validateManagedFields(entries: readonly ManagedFieldsEntry[], path: string): readonly FieldError[] {
  return entries.flatMap((entry, index) => {
    const at = field.at(path, index);
    const errors: FieldError[] = [];
    if (entry.operation !== "Apply" && entry.operation !== "Update")
      errors.push(
        field.invalid(field.child(at, "operation"), entry.operation ?? "", "must be `Apply` or `Update`"),
      );
    const fieldsType: string = entry.fieldsType ?? "FieldsV1";
    if (fieldsType !== "FieldsV1")
      errors.push(field.invalid(field.child(at, "fieldsType"), fieldsType, "must be `FieldsV1`"));
    errors.push(...validateFieldManager(field.child(at, "manager"), entry.manager ?? ""));
    if (byteLength(entry.subresource ?? "") > maxSubresourceBytes)
      errors.push(field.tooLong(field.child(at, "subresource"), maxSubresourceBytes));
    return errors;
  });
}
