/** Storage classes, drivers and attachments. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelName, validateLabelSelector } from "../../apimachinery/labels.ts";
import { byteLength, dns1123Subdomain, qualifiedName } from "../../apimachinery/names.ts";
import { parseQuantity } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateInlineVolume } from "../core/persistent-volume-validation.ts";
import type { TopologySelectorTerm } from "../core/types.generated.ts";
import { immutableStruct, inGoForm } from "../go-form.ts";
import { driverNameErrors } from "./driver-name.ts";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxParameters = 512;
const maxParametersBytes = 256 * 1024;

function parameterErrors(path: string, parameters: Readonly<Record<string, string>> | undefined): Errors {
  const entries = Object.entries(parameters ?? {});
  const errors: FieldError[] = [];
  if (entries.length > maxParameters) return [field.tooLong(path, maxParameters)];
  if (entries.some(([key]) => key === "")) errors.push(field.invalid(path, "", "field can not be empty."));
  const total = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (total > maxParametersBytes) errors.push(field.tooLong(path, maxParametersBytes));
  return errors;
}

function provisionerErrors(path: string, name: string | undefined): Errors {
  const known = (name ?? "").toLowerCase();
  return known === "" ? [field.required(path)] : field.invalidEach(path, known, qualifiedName(known));
}

export function validateStorageClass(object: StorageClass): Errors {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies } = object;
  const errors: FieldError[] = [...provisionerErrors("provisioner", provisioner)];
  errors.push(...parameterErrors("parameters", parameters));
  if (reclaimPolicy) errors.push(...field.oneOf("reclaimPolicy", reclaimPolicy, ["Delete", "Retain"]));
  errors.push(
    ...field.oneOf("volumeBindingMode", volumeBindingMode, ["Immediate", "WaitForFirstConsumer"], {
      required: "present",
    }),
  );
  errors.push(
    ...field.each("allowedTopologies", allowedTopologies, ({ matchLabelExpressions }, at) =>
      field.each(
        field.child(at, "matchLabelExpressions"),
        matchLabelExpressions,
        ({ key, values }, expression, index) => [
          ...((values ?? []).length === 0 ? [field.required(field.child(expression, "values"))] : []),
          ...field.unique(
            values,
            (value) => value,
            (index, value) => field.duplicate(field.at(field.child(expression, "values"), index), value),
          ),
          ...validateLabelName(field.child(expression, "key"), key),
          ...((matchLabelExpressions ?? []).findIndex((other) => other.key === key) < index
            ? [field.duplicate(field.child(expression, "key"), key)]
            : []),
        ],
      ),
    ),
    ...repeatedTopologies(allowedTopologies),
  );
  return errors;
}

/** Upstream compares each term with as many empty ones as there are terms, too: an empty one is always a repetition. */
function repeatedTopologies(terms: readonly TopologySelectorTerm[] = []): Errors {
  const before = terms.map(() => topologyIdentity({}));
  return terms.flatMap((term, position) => {
    const identity = topologyIdentity(term);
    const repeated = before.filter((other) => other === identity);
    before.push(identity);
    return repeated.map(() => field.duplicate(`allowedTopologies[${position}].matchLabelExpressions`, ""));
  });
}

/** The same text for terms that mean the same. */
function topologyIdentity({ matchLabelExpressions = [] }: TopologySelectorTerm): string {
  const byKey = matchLabelExpressions.map(({ key, values }) => [key, (values ?? []).toSorted()] as const);
  return JSON.stringify(byKey.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

export function validateStorageClassUpdate(object: StorageClass, old: StorageClass): Errors {
  const constant = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const;
  return [
    ...validateStorageClass(object),
    ...constant.flatMap((name) => field.immutable(name, object[name], old[name])),
  ];
}

export function validateVolumeAttributesClass({
  driverName,
  parameters = {},
}: VolumeAttributesClass): Errors {
  const errors: FieldError[] = [
    ...provisionerErrors("driverName", driverName),
    ...parameterErrors("parameters", parameters),
  ];
  if (Object.keys(parameters).length === 0)
    errors.push(field.required("parameters", "must contain at least one key/value pair"));
  return errors;
}

export function validateVolumeAttributesClassUpdate(
  object: VolumeAttributesClass,
  old: VolumeAttributesClass,
): Errors {
  const changes = (["driverName", "parameters"] as const).flatMap((name) =>
    field.semanticEqual(object[name], old[name])
      ? []
      : [field.forbidden(name, `updates to ${name} are forbidden.`)],
  );
  return [...changes, ...validateVolumeAttributesClass(object)];
}

const minUpdatePeriodSeconds = 10;
const minTokenSeconds = 600;
const maxTokenSeconds = 2 ** 32;

export function validateCsiDriver({ metadata, spec }: CSIDriver): Errors {
  const errors: FieldError[] = [...driverNameErrors("metadata.name", metadata.name)];
  // Upstream's spelling of the path.
  if (spec.attachRequired === undefined) errors.push(field.required("spec.attachedRequired"));
  for (const name of ["podInfoOnMount", "storageCapacity"] as const)
    if (spec[name] === undefined) errors.push(field.required(field.child("spec", name)));
  errors.push(
    ...field.oneOf("spec.fsGroupPolicy", spec.fsGroupPolicy, ["File", "None", "ReadWriteOnceWithFSType"], {
      required: "present",
    }),
  );
  const audiences = new Set<string>();
  errors.push(
    ...field.each("spec.tokenRequests", spec.tokenRequests, ({ audience, expirationSeconds }, at) => {
      const own: FieldError[] = [];
      if (audiences.has(audience)) return [field.duplicate(field.child(at, "audience"), audience)];
      audiences.add(audience);
      const path = field.child(at, "expirationSeconds");
      if (expirationSeconds !== undefined && expirationSeconds < minTokenSeconds)
        own.push(field.invalid(path, expirationSeconds, "may not specify a duration less than 10 minutes"));
      if (expirationSeconds !== undefined && expirationSeconds > maxTokenSeconds)
        own.push(
          field.invalid(path, expirationSeconds, "may not specify a duration larger than 2^32 seconds"),
        );
      return own;
    }),
  );
  for (const mode of spec.volumeLifecycleModes ?? [])
    errors.push(...field.oneOf("spec.volumeLifecycleModes", mode, ["Persistent", "Ephemeral"]));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < minUpdatePeriodSeconds) {
    const detail = `must be greater than or equal to ${minUpdatePeriodSeconds} seconds`;
    errors.push(field.invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, detail));
  }
  const { serviceAccountTokenInSecrets: inSecrets } = spec;
  if (inSecrets !== undefined && (spec.tokenRequests ?? []).length === 0) {
    const detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
    errors.push(field.invalid("spec.serviceAccountTokenInSecrets", inSecrets, detail));
  }
  return errors;
}

export function validateCsiDriverUpdate(object: CSIDriver, old: CSIDriver): Errors {
  return [
    ...validateCsiDriver(object),
    ...field.immutable("spec.attachedRequired", object.spec.attachRequired, old.spec.attachRequired),
    ...field.immutable(
      "spec.volumeLifecycleModes",
      object.spec.volumeLifecycleModes,
      old.spec.volumeLifecycleModes,
    ),
  ];
}

const maxNodeIdBytes = 256;

export function validateCsiNode({ spec }: CSINode): Errors {
  const { drivers = [] } = spec ?? {};
  return [
    ...field.each("spec.drivers", drivers, ({ name, nodeID = "", topologyKeys, allocatable }, at) => {
      const idPath = field.child(at, "nodeID");
      const errors: FieldError[] = [...driverNameErrors(field.child(at, "name"), name)];
      if (nodeID === "") errors.push(field.required(idPath));
      if (byteLength(nodeID) > maxNodeIdBytes)
        errors.push(field.invalid(idPath, nodeID, `must be ${maxNodeIdBytes} characters or less`));
      errors.push(...field.nonNegative(field.child(at, "allocatable", "count"), allocatable?.count));
      // The path of these is the driver's, as upstream has it.
      (topologyKeys ?? []).forEach((key, index) => {
        if (key === "") errors.push(field.required(at));
        if ((topologyKeys ?? []).indexOf(key) < index) errors.push(field.duplicate(at, key));
        errors.push(...field.invalidEach(at, key, qualifiedName(key)));
      });
      return errors;
    }),
    ...field.unique(
      drivers,
      ({ name }) => name,
      (index, { name }) => field.duplicate(`spec.drivers[${index}].name`, name),
    ),
  ];
}

/** A driver that stays says the same of the node, save for how much it can attach. */
export function validateCsiNodeUpdate(object: CSINode, old: CSINode): Errors {
  const changes = (old.spec?.drivers ?? []).flatMap(({ allocatable: _before, ...driver }) => {
    const now = object.spec?.drivers?.find(({ name }) => name === driver.name);
    if (now === undefined) return [];
    const { allocatable: _after, ...rest } = now;
    return field.semanticEqual(rest, driver)
      ? []
      : [field.invalid("spec.drivers", inGoForm("CSINodeDriver", now), field.immutableMessage)];
  });
  return [...validateCsiNode(object), ...changes];
}

export function validateCsiStorageCapacity(object: CSIStorageCapacity): Errors {
  const { storageClassName = "", nodeTopology, capacity } = object;
  const isNegative = capacity !== undefined && parseQuantity(capacity).unscaled < 0n;
  return [
    ...validateLabelSelector("nodeTopology", nodeTopology),
    ...field.invalidEach("storageClassName", storageClassName, dns1123Subdomain(storageClassName)),
    ...(isNegative ? [field.invalid("capacity", capacity, "must be greater than or equal to 0")] : []),
  ];
}

export function validateCsiStorageCapacityUpdate(
  object: CSIStorageCapacity,
  old: CSIStorageCapacity,
): Errors {
  return [
    ...validateCsiStorageCapacity(object),
    ...field.immutable("nodeTopology", object.nodeTopology, old.nodeTopology),
    ...field.immutable("storageClassName", object.storageClassName, old.storageClassName),
  ];
}

export function validateVolumeAttachment({ spec, status }: VolumeAttachment): Errors {
  const { attacher = "", nodeName = "", source } = spec ?? {};
  const { persistentVolumeName, inlineVolumeSpec } = source ?? {};
  const errors: FieldError[] = [...driverNameErrors("spec.attacher", attacher)];
  const path = "spec.source";
  if (persistentVolumeName === undefined && inlineVolumeSpec === undefined)
    errors.push(
      field.required(path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
    );
  const hasBoth = persistentVolumeName !== undefined && inlineVolumeSpec !== undefined;
  if (hasBoth)
    errors.push(
      field.forbidden(path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
    );
  else if (persistentVolumeName === "")
    errors.push(
      field.required(`${path}.persistentVolumeName`, "must specify non empty persistentVolumeName"),
    );
  if (persistentVolumeName !== undefined)
    errors.push(
      ...field.invalidEach(
        `${path}.persistentVolumeName`,
        persistentVolumeName,
        dns1123Subdomain(persistentVolumeName),
      ),
    );
  if (inlineVolumeSpec !== undefined && !hasBoth)
    errors.push(...validateInlineVolume(`${path}.inlineVolumeSpec`, inlineVolumeSpec));
  errors.push(...field.invalidEach("spec.nodeName", nodeName, dns1123Subdomain(nodeName)));
  return [...errors, ...attachmentStatusErrors(status)];
}

const maxMetadataBytes = 256 * 1024;
const maxMessageBytes = 1024;

function attachmentStatusErrors(status: VolumeAttachment["status"]): Errors {
  const { attachmentMetadata = {}, attachError, detachError } = status ?? {};
  const path = "status.attachmentMetadata";
  const size = Object.entries(attachmentMetadata).reduce(
    (sum, [key, value]) => sum + byteLength(key) + byteLength(value),
    0,
  );
  return [
    ...Object.keys(attachmentMetadata).flatMap((key) =>
      field.invalidEach(path, key, qualifiedName(key.toLowerCase())),
    ),
    ...(size > maxMetadataBytes ? [field.tooLong(path, maxMetadataBytes)] : []),
    ...Object.entries({ attachError, detachError }).flatMap(([name, problem]) =>
      byteLength(problem?.message ?? "") > maxMessageBytes
        ? [field.tooLong(`status.${name}.message`, maxMessageBytes)]
        : [],
    ),
  ];
}

export function validateVolumeAttachmentUpdate(object: VolumeAttachment, old: VolumeAttachment): Errors {
  return [
    ...validateVolumeAttachment(object),
    ...immutableStruct("VolumeAttachmentSpec", "spec", object.spec, old.spec),
  ];
}
