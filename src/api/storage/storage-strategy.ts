import { defaultVolumeSpec } from "../core/volume-defaults.ts";
import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField } from "../fill.ts";
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
  defaults: (object) => fillAbsent(object, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
};

export const volumeAttributesClassStrategy: Strategy<VolumeAttributesClass> = { unconditionalUpdate: false };

export const csiDriverStrategy: Strategy<CSIDriver> = {
  unconditionalUpdate: false,
  defaults: (object) => ({ ...object, spec: defaultDriver(object.spec ?? {}) }),
};

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
  unconditionalUpdate: false,
  generationFields: [],
  defaults: (object) => ({ ...object, spec: fillAbsent(object.spec ?? {}, { drivers: [] }) }),
};

export const csiStorageCapacityStrategy: Strategy<CSIStorageCapacity> = { unconditionalUpdate: false };

export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = {
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
