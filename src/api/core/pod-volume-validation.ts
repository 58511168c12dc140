/** Volumes of pods: exactly one source each, with what that source needs. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import { dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import { parseQuantity } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateClaimTemplate } from "./claim-validation.ts";
import { validateResourceFieldSelector, validateVolumeFieldSelector } from "./container-env-validation.ts";
import { fileModeErrors, nonReservedPathErrors, pathBackstepErrors } from "./path-validation.ts";
import type {
  DownwardAPIVolumeFile,
  HostPathVolumeSource,
  KeyToPath,
  PodCertificateProjection,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

/** Fields that sources of storage drivers must have: nothing else is asked of them here. */
const requiredFields: Readonly<Record<string, readonly string[]>> = {
  gcePersistentDisk: ["pdName"],
  awsElasticBlockStore: ["volumeID"],
  gitRepo: ["repository"],
  glusterfs: ["endpoints", "path"],
  persistentVolumeClaim: ["claimName"],
  rbd: ["monitors", "image"],
  cinder: ["volumeID"],
  cephfs: ["monitors"],
  quobyte: ["registry", "volume"],
  flexVolume: ["driver"],
  azureFile: ["secretName", "shareName"],
  azureDisk: ["diskName", "diskURI"],
  vsphereVolume: ["volumePath"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  scaleIO: ["gateway", "system", "volumeName"],
  iscsi: ["targetPortal", "iqn"],
  nfs: ["server", "path"],
  secret: ["secretName"],
  configMap: ["name"],
  csi: ["driver"],
};

/** The errors, and the volumes that containers may mount. */
export function validateVolumes(
  path: string,
  volumes: readonly Volume[] | undefined,
  podMetadata: ObjectMeta | undefined,
): { readonly errors: Errors; readonly valid: ReadonlyMap<string, Volume> } {
  const valid = new Map<string, Volume>();
  const podName = podMetadata?.name ?? "";
  const created = new Set(
    podName === ""
      ? []
      : (volumes ?? []).filter(({ ephemeral }) => ephemeral).map(({ name }) => `${podName}-${name}`),
  );
  const errors = field.each(path, volumes, (volume, at) => {
    const own = [
      ...validateSource(at, volume, podName),
      ...validateName(field.child(at, "name"), volume.name, valid),
    ];
    if (own.length === 0) valid.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName ?? "";
    if (!created.has(claim)) return own;
    const detail = "must not reference a PVC that gets created for an ephemeral volume";
    return [...own, field.invalid(field.child(at, "persistentVolumeClaim", "claimName"), claim, detail)];
  });
  return { errors, valid };
}

function validateName(path: string, name: string | undefined, taken: ReadonlyMap<string, Volume>): Errors {
  if (name === undefined || name === "") return [field.required(path)];
  const errors = [...field.invalidEach(path, name, dns1123Label(name))];
  if (taken.has(name)) errors.push(field.duplicate(path, name));
  return errors;
}

function validateSource(path: string, volume: Volume, podName: string): Errors {
  const [first, ...others] = Object.keys(volume).filter(
    (name) => name !== "name" && volume[name as keyof Volume] !== undefined, // one of the keys just listed
  );
  if (first === undefined) return [field.required(path, "must specify a volume type")];
  return [
    ...validateFields(path, first, volume),
    ...validateOwnRules(path, volume, podName),
    ...others.map((name) =>
      field.forbidden(field.child(path, name), "may not specify more than 1 volume type"),
    ),
  ];
}

function validateFields(path: string, source: string, volume: Volume): Errors {
  const value = volume[source as keyof Volume] as Readonly<Record<string, unknown>>; // a key of this volume
  return (requiredFields[source] ?? [])
    .filter(
      (name) =>
        value[name] === undefined ||
        value[name] === "" ||
        (Array.isArray(value[name]) && value[name].length === 0),
    )
    .map((name) => field.required(field.child(path, source, name)));
}

function validateOwnRules(path: string, volume: Volume, podName: string): Errors {
  const { emptyDir, hostPath, secret, configMap, downwardAPI, projected, nfs, csi, ephemeral, image } =
    volume;
  const errors: FieldError[] = [];
  if (emptyDir?.sizeLimit !== undefined && parseQuantity(emptyDir.sizeLimit).unscaled < 0n)
    errors.push(
      field.forbidden(
        field.child(path, "emptyDir", "sizeLimit"),
        "SizeLimit field must be a valid resource quantity",
      ),
    );
  if (hostPath !== undefined) errors.push(...validateHostPath(field.child(path, "hostPath"), hostPath));
  if (secret !== undefined) errors.push(...validateFiles(field.child(path, "secret"), secret));
  if (configMap !== undefined) errors.push(...validateFiles(field.child(path, "configMap"), configMap));
  if (downwardAPI !== undefined) {
    const at = field.child(path, "downwardAPI");
    errors.push(...fileModeErrors(field.child(at, "defaultMode"), downwardAPI.defaultMode));
    for (const file of downwardAPI.items ?? []) errors.push(...validateDownwardFile(at, file));
  }
  if (projected !== undefined) errors.push(...validateProjected(field.child(path, "projected"), projected));
  if (nfs?.path !== undefined && nfs.path !== "" && !nfs.path.startsWith("/"))
    errors.push(field.invalid(field.child(path, "nfs", "path"), nfs.path, "must be an absolute path"));
  if (csi?.nodePublishSecretRef !== undefined && !csi.nodePublishSecretRef.name)
    errors.push(field.required(field.child(path, "csi", "nodePublishSecretRef", "name")));
  if (ephemeral !== undefined) errors.push(...validateEphemeral(path, volume, podName));
  if (image !== undefined)
    errors.push(
      ...field.oneOf(
        field.child(path, "image", "pullPolicy"),
        image.pullPolicy,
        ["Always", "IfNotPresent", "Never"],
        { required: true },
      ),
    );
  return errors;
}

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

function validateHostPath(path: string, { path: value, type }: HostPathVolumeSource): Errors {
  if (!value) return [field.required(field.child(path, "path"))];
  const errors = [...pathBackstepErrors(field.child(path, "path"), value)];
  if (type !== undefined && !hostPathTypes.includes(type))
    errors.push(field.notSupported(field.child(path, "type"), type, hostPathTypes));
  return errors;
}

function validateFiles(
  path: string,
  source: { readonly defaultMode?: number; readonly items?: readonly KeyToPath[] },
): Errors {
  return [
    ...fileModeErrors(field.child(path, "defaultMode"), source.defaultMode),
    ...field.each(field.child(path, "items"), source.items, validateKeyToPath),
  ];
}

function validateKeyToPath({ key = "", path: target = "", mode }: KeyToPath, path: string): Errors {
  return [
    ...(key === "" ? [field.required(field.child(path, "key"))] : []),
    ...(target === "" ? [field.required(field.child(path, "path"))] : []),
    ...nonReservedPathErrors(field.child(path, "path"), target),
    ...fileModeErrors(field.child(path, "mode"), mode),
  ];
}

function validateDownwardFile(path: string, file: DownwardAPIVolumeFile): Errors {
  const { path: target = "", fieldRef, resourceFieldRef, mode } = file;
  const errors: FieldError[] = target === "" ? [field.required(field.child(path, "path"))] : [];
  errors.push(...nonReservedPathErrors(field.child(path, "path"), target));
  if (fieldRef !== undefined) {
    errors.push(...validateVolumeFieldSelector(field.child(path, "fieldRef"), fieldRef));
    if (resourceFieldRef !== undefined)
      errors.push(
        field.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"),
      );
  } else if (resourceFieldRef !== undefined)
    errors.push(
      ...validateResourceFieldSelector(field.child(path, "resourceFieldRef"), resourceFieldRef, true),
    );
  else errors.push(field.required(path, "one of fieldRef and resourceFieldRef is required"));
  errors.push(...fileModeErrors(field.child(path, "mode"), mode));
  return errors;
}

function validateEphemeral(path: string, { name, ephemeral }: Volume, podName: string): Errors {
  const template = ephemeral?.volumeClaimTemplate;
  const at = field.child(path, "ephemeral", "volumeClaimTemplate");
  const errors = template === undefined ? [field.required(at)] : [...validateClaimTemplate(at, template)];
  const claim = `${podName}-${name}`;
  if (podName !== "" && name)
    for (const reason of dns1123Subdomain(claim))
      errors.push(
        field.invalid(field.child(path, "name"), name, `PVC name ${field.quote(claim)}: ${reason}`),
      );
  return errors;
}

/** Several sources under one directory: no two may claim the same path. */
function validateProjected(path: string, { defaultMode, sources }: ProjectedVolumeSource): Errors {
  const taken = new Set<string>();
  return [
    ...fileModeErrors(field.child(path, "defaultMode"), defaultMode),
    ...field.each(field.child(path, "sources"), sources, (source, at) => [
      ...validateProjection(at, path, source),
      ...pathsOf(source).flatMap(({ target, shown }) => {
        if (target === "") return [];
        if (taken.has(target)) return [field.invalid(path, shown, "conflicting duplicate paths")];
        taken.add(target);
        return [];
      }),
    ]),
  ];
}

function pathsOf(source: VolumeProjection): readonly { readonly target: string; readonly shown: string }[] {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const plain = (target = "") => ({ target, shown: target });
  return [
    ...(secret?.items ?? []).map(({ path }) => ({ target: path, shown: secret?.name ?? "" })),
    ...(configMap?.items ?? []).map(({ path }) => ({ target: path, shown: configMap?.name ?? "" })),
    ...(downwardAPI?.items ?? []).map(({ path }) => plain(path)),
    plain(serviceAccountToken?.path),
    plain(clusterTrustBundle?.path),
    plain(podCertificate?.credentialBundlePath),
    plain(podCertificate?.keyPath),
    plain(podCertificate?.certificateChainPath),
  ];
}

function validateProjection(path: string, volumePath: string, source: VolumeProjection): Errors {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const errors: FieldError[] = [];
  for (const [name, files] of Object.entries({ secret, configMap })) {
    if (files === undefined) continue;
    const at = field.child(path, name);
    if (!files.name) errors.push(field.required(field.child(at, "name")));
    errors.push(...field.each(field.child(at, "items"), files.items, validateKeyToPath));
  }
  for (const file of downwardAPI?.items ?? [])
    errors.push(...validateDownwardFile(field.child(path, "downwardAPI"), file));
  if (serviceAccountToken !== undefined)
    errors.push(
      ...validateTokenProjection(field.child(path, "serviceAccountToken"), volumePath, serviceAccountToken),
    );
  if (clusterTrustBundle !== undefined)
    errors.push(...validateTrustBundle(field.child(path, "clusterTrustBundle"), clusterTrustBundle));
  if (podCertificate !== undefined)
    errors.push(...validatePodCertificate(field.child(path, "podCertificate"), podCertificate));
  if (Object.keys(source).length > 1)
    errors.push(field.forbidden(path, "may not specify more than 1 volume type per source"));
  return errors;
}

function validateTokenProjection(
  path: string,
  volumePath: string,
  { expirationSeconds = 3600, path: target }: NonNullable<VolumeProjection["serviceAccountToken"]>,
): Errors {
  const expiration = field.child(path, "expirationSeconds");
  const errors: FieldError[] = [];
  if (expirationSeconds < 600)
    errors.push(
      field.invalid(expiration, expirationSeconds, "may not specify a duration less than 10 minutes"),
    );
  if (expirationSeconds > 2 ** 32)
    errors.push(
      field.invalid(expiration, expirationSeconds, "may not specify a duration larger than 2^32 seconds"),
    );
  // The path of these is told of at the volume, as upstream has it.
  const targetPath = field.child(volumePath, "path");
  errors.push(...(target ? nonReservedPathErrors(targetPath, target) : [field.required(targetPath)]));
  return errors;
}

function validateTrustBundle(
  path: string,
  bundle: NonNullable<VolumeProjection["clusterTrustBundle"]>,
): Errors {
  const { name, signerName, labelSelector, path: target = "" } = bundle;
  const errors: FieldError[] = [];
  if (name !== undefined && signerName !== undefined)
    errors.push(field.invalid(path, bundle, "only one of name and signerName may be used"));
  else if (name !== undefined) {
    if (name === "") errors.push(field.required(field.child(path, "name"), "must be a valid object name"));
    if (labelSelector !== undefined)
      errors.push(
        field.invalid(
          field.child(path, "labelSelector"),
          labelSelector,
          "labelSelector must be unset if name is specified",
        ),
      );
  } else if (signerName !== undefined) {
    if (signerName === "")
      errors.push(field.required(field.child(path, "signerName"), "must be a valid signer name"));
    errors.push(...validateLabelSelector(field.child(path, "labelSelector"), labelSelector));
  } else errors.push(field.required(path, "either name or signerName must be specified"));
  const targetPath = field.child(path, "path");
  if (target === "") errors.push(field.required(targetPath));
  errors.push(...nonReservedPathErrors(targetPath, target));
  return errors;
}

const certificateKeyTypes = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];

function validatePodCertificate(path: string, projection: PodCertificateProjection): Errors {
  const { keyType, maxExpirationSeconds, credentialBundlePath, keyPath, certificateChainPath } = projection;
  const errors: FieldError[] = [];
  if (!certificateKeyTypes.includes(keyType))
    errors.push(field.notSupported(field.child(path, "keyType"), keyType, certificateKeyTypes));
  if (maxExpirationSeconds !== undefined && maxExpirationSeconds < 3600)
    errors.push(
      field.invalid(
        field.child(path, "maxExpirationSeconds"),
        maxExpirationSeconds,
        "if provided, maxExpirationSeconds must be >= 3600",
      ),
    );
  const targets = Object.entries({ credentialBundlePath, keyPath, certificateChainPath });
  for (const [name, target] of targets)
    if (target) errors.push(...nonReservedPathErrors(field.child(path, name), target));
  if (targets.every(([, target]) => !target))
    errors.push(
      field.required(path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"),
    );
  return errors;
}
