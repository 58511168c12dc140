import * as field from "../../apimachinery/validation.ts";
import { oldLabelWarning } from "../core/node-label-warnings.ts";
import { defaultVolumeSpec } from "../core/volume-defaults.ts";
import type { Strategy } from "../definition.ts";
import { dropField, fillAbsent, mapField } from "../fill.ts";
import {
  validateCsiDriver,
  validateCsiDriverUpdate,
  validateCsiNode,
  validateCsiNodeUpdate,
  validateCsiStorageCapacity,
  validateCsiStorageCapacityUpdate,
  validateStorageClass,
  validateStorageClassUpdate,
  validateVolumeAttachment,
  validateVolumeAttachmentUpdate,
  validateVolumeAttributesClass,
  validateVolumeAttributesClassUpdate,
} from "./storage-validation.ts";
import type {
  CSIDriver,
  CSIDriverSpec,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "./types.generated.ts";

export const storageClassStrategy: Strategy<StorageClass> = {
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
  warnings: ({ allowedTopologies = [] }) =>
    allowedTopologies.flatMap(({ matchLabelExpressions = [] }, term) =>
      matchLabelExpressions.flatMap(({ key }, index) =>
        oldLabelWarning(`allowedTopologies[${term}].matchLabelExpressions[${index}].key`, key),
      ),
    ),
  defaults: (object) => fillAbsent(object, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
};

export const volumeAttributesClassStrategy: Strategy<VolumeAttributesClass> = {
  validate: validateVolumeAttributesClass,
  validateUpdate: validateVolumeAttributesClassUpdate,
};

export const csiDriverStrategy: Strategy<CSIDriver> = {
  validate: validateCsiDriver,
  validateUpdate: validateCsiDriverUpdate,
  unconditionalUpdate: false,
  generationBeginsWithChange: true,
  defaults: (object) => ({ ...object, spec: defaultDriver(object.spec ?? {}) }),
  prepareForCreate: withoutSchedulingRule,
  prepareForUpdate: (driver, old) =>
    old.spec.preventPodSchedulingIfMissing === undefined ? withoutSchedulingRule(driver) : driver,
  warnings: ({ spec }, old) =>
    (spec.tokenRequests ?? []).length === 0 ||
    spec.serviceAccountTokenInSecrets !== undefined ||
    field.semanticEqual(spec.tokenRequests, old?.spec.tokenRequests)
      ? []
      : [
          "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes",
        ],
};

/** Behind a gate that is off. */
function withoutSchedulingRule(driver: CSIDriver): CSIDriver {
  return { ...driver, spec: dropField(driver.spec, "preventPodSchedulingIfMissing") };
}

function defaultDriver(given: CSIDriverSpec): CSIDriverSpec {
  const spec = fillAbsent(given, {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: "ReadWriteOnceWithFSType",
    requiresRepublish: false,
    seLinuxMount: false,
  });
  return (spec.volumeLifecycleModes ?? []).length > 0
    ? spec
    : { ...spec, volumeLifecycleModes: ["Persistent"] };
}

export const csiNodeStrategy: Strategy<CSINode> = {
  validate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
  unconditionalUpdate: false,
  generationFields: [],
  defaults: (object) => ({ ...object, spec: fillAbsent(object.spec ?? {}, { drivers: [] }) }),
};

export const csiStorageCapacityStrategy: Strategy<CSIStorageCapacity> = {
  validate: validateCsiStorageCapacity,
  validateUpdate: validateCsiStorageCapacityUpdate,
  warnings: ({ nodeTopology: { matchLabels = {}, matchExpressions = [] } = {} }) => [
    ...matchExpressions.flatMap(({ key }, index) =>
      oldLabelWarning(`nodeTopology.matchExpressions[${index}].key`, key),
    ),
    ...Object.keys(matchLabels).flatMap((key) => oldLabelWarning(`nodeTopology.matchLabels[${key}]`, key)),
  ],
  unconditionalUpdate: false,
};

export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = {
  validate: validateVolumeAttachment,
  validateUpdate: validateVolumeAttachmentUpdate,
  validateStatusUpdate: validateVolumeAttachmentUpdate,
  unconditionalUpdate: false,
  generationFields: [],
  defaults: (object) => ({
    ...mapField(object, "spec", (spec) =>
      mapField(spec, "source", (source) => mapField(source, "inlineVolumeSpec", defaultVolumeSpec)),
    ),
    status: object.status ?? { attached: false },
  }),
  prepareForCreate: (object) => ({ ...object, status: { attached: false } }),
};
