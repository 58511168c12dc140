import { dropField, fillAbsent, fillEmpty, mapField, mapItems } from "../fill.ts";
import { isImageTagLatest } from "./image-reference.ts";
import { roundRequirements } from "./resource-defaults.ts";
import type {
  DownwardAPIVolumeFile,
  ObjectFieldSelector,
  PersistentVolumeClaimSpec,
  ProjectedVolumeSource,
  ResourceFieldSelector,
  Volume,
} from "./types.generated.ts";

/** 0644: what files of volumes made from objects have. */
const defaultFileMode = 0o644;

/** A volume that names no source is an empty directory; the rest fills modes and drivers' options. */
export function defaultVolume(volume: Volume): Volume {
  if (Object.keys(volume).every((field) => field === "name")) return { ...volume, emptyDir: {} };
  let filled = volume;
  filled = mapField(filled, "hostPath", (source) => fillAbsent(source, { type: "" }));
  filled = mapField(filled, "secret", (source) => fillAbsent(source, { defaultMode: defaultFileMode }));
  filled = mapField(filled, "configMap", (source) => fillAbsent(source, { defaultMode: defaultFileMode }));
  filled = mapField(filled, "downwardAPI", (source) =>
    mapField(fillAbsent(source, { defaultMode: defaultFileMode }), "items", defaultDownwardFiles),
  );
  filled = mapField(filled, "projected", defaultProjected);
  filled = mapField(filled, "ephemeral", (source) =>
    mapField(source, "volumeClaimTemplate", (template) => mapField(template, "spec", defaultClaimSpec)),
  );
  filled = mapField(filled, "image", (source) =>
    fillEmpty(source, { pullPolicy: isImageTagLatest(source.reference ?? "") ? "Always" : "IfNotPresent" }),
  );
  return defaultDriverOptions(filled);
}

/** Options of storage drivers that came before CSI. */
function defaultDriverOptions(volume: Volume): Volume {
  let filled = volume;
  filled = mapField(filled, "iscsi", (source) => fillEmpty(source, { iscsiInterface: "default" }));
  filled = mapField(filled, "rbd", (source) =>
    fillEmpty(source, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" }),
  );
  filled = mapField(filled, "azureDisk", (source) =>
    fillAbsent(source, { cachingMode: "ReadWrite", fsType: "ext4", readOnly: false, kind: "Shared" }),
  );
  return mapField(filled, "scaleIO", (source) =>
    fillEmpty(source, { storageMode: "ThinProvisioned", fsType: "xfs" }),
  );
}

function defaultProjected(source: ProjectedVolumeSource): ProjectedVolumeSource {
  return mapField(fillAbsent(source, { defaultMode: defaultFileMode }), "sources", (sources) =>
    mapItems(sources, (projection) => {
      // Both are behind gates that are off.
      const known = dropField(dropField(projection, "clusterTrustBundle"), "podCertificate");
      const withFields = mapField(known, "downwardAPI", (downward) =>
        mapField(downward, "items", defaultDownwardFiles),
      );
      return mapField(withFields, "serviceAccountToken", (token) =>
        fillAbsent(token, { expirationSeconds: 3600 }),
      );
    }),
  );
}

function defaultDownwardFiles(files: readonly DownwardAPIVolumeFile[]): readonly DownwardAPIVolumeFile[] {
  return mapItems(files, (file) =>
    mapField(mapField(file, "fieldRef", defaultFieldSelector), "resourceFieldRef", defaultResourceSelector),
  );
}

export function defaultFieldSelector(selector: ObjectFieldSelector): ObjectFieldSelector {
  return fillEmpty(selector, { apiVersion: "v1" });
}

/** Without a divisor amounts are as they are, which Go writes as 0. */
export function defaultResourceSelector(selector: ResourceFieldSelector): ResourceFieldSelector {
  return fillAbsent(selector, { divisor: "0" });
}

export function defaultClaimSpec(spec: PersistentVolumeClaimSpec): PersistentVolumeClaimSpec {
  return mapField(
    fillAbsent(spec, { volumeMode: "Filesystem", resources: {} }),
    "resources",
    roundRequirements,
  );
}
