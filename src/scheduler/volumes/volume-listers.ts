import type { PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
} from "../../api/storage/types.generated.ts";

interface Finder<T> {
  get(key: string): T | undefined;
}

/** What the API says of storage. */
export interface VolumeListers {
  readonly persistentVolumeClaims: Finder<PersistentVolumeClaim>;
  readonly persistentVolumes: Finder<PersistentVolume> & { list(): readonly PersistentVolume[] };
  readonly storageClasses: Finder<StorageClass>;
  readonly csiNodes: Finder<CSINode>;
  readonly csiDrivers: Finder<CSIDriver>;
  readonly csiStorageCapacities: { list(): readonly CSIStorageCapacity[] };
}
