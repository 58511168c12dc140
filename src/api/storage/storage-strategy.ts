import type { Strategy } from "../definition.ts";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "./types.generated.ts";

export const storageClassStrategy: Strategy<StorageClass> = {};
export const volumeAttributesClassStrategy: Strategy<VolumeAttributesClass> = { unconditionalUpdate: false };
export const csiDriverStrategy: Strategy<CSIDriver> = { unconditionalUpdate: false };
export const csiNodeStrategy: Strategy<CSINode> = { unconditionalUpdate: false, generationFields: [] };
export const csiStorageCapacityStrategy: Strategy<CSIStorageCapacity> = { unconditionalUpdate: false };
export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = {
  unconditionalUpdate: false,
  generationFields: [],
};
