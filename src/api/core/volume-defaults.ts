/** What persistent volumes and claims have that their authors left out. */
import { fillAbsent, fillEmpty, mapField } from "../fill.ts";
import { defaultClaimSpec } from "./pod-volume-defaults.ts";
import { roundResourceList } from "./resource-defaults.ts";
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from "./types.generated.ts";

export function defaultClaim(claim: PersistentVolumeClaim): PersistentVolumeClaim {
  return {
    ...claim,
    spec: defaultClaimSpec(claim.spec ?? {}),
    status: fillEmpty(claim.status ?? {}, { phase: "Pending" }),
  };
}

export function defaultPersistentVolume(volume: PersistentVolume): PersistentVolume {
  return {
    ...volume,
    spec: defaultVolumeSpec(volume.spec ?? {}),
    status: fillEmpty(volume.status ?? {}, { phase: "Pending" }),
  };
}

export function defaultVolumeSpec(given: PersistentVolumeSpec): PersistentVolumeSpec {
  let spec = fillEmpty(given, { persistentVolumeReclaimPolicy: "Retain" });
  spec = fillAbsent(spec, { volumeMode: "Filesystem" });
  spec = mapField(spec, "capacity", roundResourceList);
  spec = mapField(spec, "hostPath", (source) => fillAbsent(source, { type: "" }));
  spec = mapField(spec, "iscsi", (source) => fillEmpty(source, { iscsiInterface: "default" }));
  spec = mapField(spec, "rbd", (source) =>
    fillEmpty(source, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" }),
  );
  spec = mapField(spec, "azureDisk", (source) =>
    fillAbsent(source, { cachingMode: "ReadWrite", fsType: "ext4", readOnly: false, kind: "Shared" }),
  );
  return mapField(spec, "scaleIO", (source) =>
    fillEmpty(source, { storageMode: "ThinProvisioned", fsType: "xfs" }),
  );
}
