/** Sources of volumes that pods and persistent volumes have in common, mostly storage drivers older than CSI. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain, inRange } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { driverNameErrors } from "../storage/driver-name.ts";
import { type SourceOwner, validateIscsi } from "./iscsi-validation.ts";
import { descendingPathErrors, pathBackstepErrors } from "./path-validation.ts";
import type {
  AzureDiskVolumeSource,
  AzureFilePersistentVolumeSource,
  CSIPersistentVolumeSource,
  CSIVolumeSource,
  FCVolumeSource,
  FlexVolumeSource,
  FlockerVolumeSource,
  GlusterfsPersistentVolumeSource,
  HostPathVolumeSource,
  ISCSIPersistentVolumeSource,
  ISCSIVolumeSource,
  QuobyteVolumeSource,
  SecretReference,
  StorageOSVolumeSource,
  Volume,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

export type SourceName = Exclude<keyof Volume, "name"> | "local";

const requiredFields: Readonly<Partial<Record<SourceName, readonly string[]>>> = {
  gcePersistentDisk: ["pdName"],
  awsElasticBlockStore: ["volumeID"],
  gitRepo: ["repository"],
  glusterfs: ["endpoints", "path"],
  persistentVolumeClaim: ["claimName"],
  rbd: ["monitors", "image"],
  cinder: ["volumeID"],
  cephfs: ["monitors"],
  flexVolume: ["driver"],
  azureFile: ["secretName", "shareName"],
  azureDisk: ["diskName", "diskURI"],
  vsphereVolume: ["volumePath"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  scaleIO: ["gateway", "system", "volumeName"],
  nfs: ["server", "path"],
  secret: ["secretName"],
  configMap: ["name"],
};

/** What one source needs, and what rules it has of its own. */
export function validateSourceFields(
  path: string,
  name: SourceName,
  source: object,
  owner: SourceOwner,
): Errors {
  const fields = source as Readonly<Record<string, unknown>>; // to look for fields by name
  const missing = (requiredFields[name] ?? []).filter((fieldName) => isMissing(fields[fieldName]));
  return [
    ...missing.map((fieldName) => field.required(field.child(path, fieldName))),
    ...validateDriver(path, source, name, owner),
  ];
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

/** The rules of drivers; the cast in each line is what the name of the source says. */
function validateDriver(path: string, source: object, name: SourceName, owner: SourceOwner): Errors {
  const at = (part: string) => field.child(path, part);
  switch (name) {
    case "hostPath":
      return validateHostPath(path, source as HostPathVolumeSource);
    case "gitRepo":
      return descendingPathErrors(at("directory"), (source as { directory?: string }).directory ?? "");
    case "gcePersistentDisk":
    case "awsElasticBlockStore":
      return partitionErrors(at("partition"), (source as { partition?: number }).partition);
    case "nfs":
      return absoluteErrors(at("path"), (source as { path?: string }).path);
    case "iscsi":
      return validateIscsi(path, source as ISCSIVolumeSource | ISCSIPersistentVolumeSource, owner);
    case "fc":
      return validateFibreChannel(path, source as FCVolumeSource);
    case "flocker":
      return validateFlocker(path, source as FlockerVolumeSource);
    case "quobyte":
      return validateQuobyte(path, source as QuobyteVolumeSource);
    case "flexVolume":
      return validateFlexOptions(at("options"), source as FlexVolumeSource);
    case "azureDisk":
      return validateAzureDisk(path, source as AzureDiskVolumeSource);
    case "storageos":
      return validateStorageOs(path, source as StorageOSVolumeSource, owner);
    case "csi":
      return owner.isPersistent
        ? validatePersistentCsi(path, source as CSIPersistentVolumeSource)
        : validateInlineCsi(path, source as CSIVolumeSource);
    case "local":
      return validateLocal(path, source as { path?: string });
    case "cinder":
      return secretErrors(at("secretRef"), (source as { secretRef?: SecretReference }).secretRef, owner);
    case "azureFile":
      return (source as AzureFilePersistentVolumeSource).secretNamespace === ""
        ? [field.required(at("secretNamespace"))]
        : [];
    case "glusterfs":
      return endpointsNamespaceErrors(at("endpointsNamespace"), source as GlusterfsPersistentVolumeSource);
    default:
      return [];
  }
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

function validateLocal(path: string, { path: value = "" }: { readonly path?: string }): Errors {
  const at = field.child(path, "path");
  return value === "" ? [field.required(at)] : pathBackstepErrors(at, value);
}

function partitionErrors(path: string, partition = 0): Errors {
  // Upstream's text says from 1; what it takes starts at 0, which means none.
  return partition >= 0 && partition <= 255
    ? []
    : [field.invalid(path, partition, "must be between 1 and 255, inclusive")];
}

function absoluteErrors(path: string, value = ""): Errors {
  return value.startsWith("/") ? [] : [field.invalid(path, value, "must be an absolute path")];
}

function validateFibreChannel(path: string, { targetWWNs = [], wwids = [], lun }: FCVolumeSource): Errors {
  const targets = field.child(path, "targetWWNs");
  const errors: FieldError[] = [];
  if (targetWWNs.length === 0 && wwids.length === 0)
    errors.push(field.required(targets, "must specify either targetWWNs or wwids, but not both"));
  if (targetWWNs.length > 0 && wwids.length > 0)
    errors.push(
      field.invalid(targets, targetWWNs, "targetWWNs and wwids can not be specified simultaneously"),
    );
  if (targetWWNs.length === 0) return errors;
  const at = field.child(path, "lun");
  if (lun === undefined) errors.push(field.required(at, "lun is required if targetWWNs is specified"));
  else errors.push(...field.invalidEach(at, lun, inRange(lun, 0, 255)));
  return errors;
}

function validateFlocker(path: string, { datasetName = "", datasetUUID = "" }: FlockerVolumeSource): Errors {
  const errors: FieldError[] = [];
  if (datasetName === "" && datasetUUID === "")
    errors.push(field.required(path, "one of datasetName and datasetUUID is required"));
  if (datasetName !== "" && datasetUUID !== "")
    errors.push(
      field.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"),
    );
  if (datasetName.includes("/"))
    errors.push(field.invalid(field.child(path, "datasetName"), datasetName, "must not contain '/'"));
  return errors;
}

const maxTenantCharacters = 64;

function validateQuobyte(
  path: string,
  { registry = "", tenant = "", volume = "" }: QuobyteVolumeSource,
): Errors {
  const at = field.child(path, "registry");
  const detail = "must be a host:port pair or multiple pairs separated by commas";
  const errors: FieldError[] = [];
  if (registry === "") errors.push(field.required(at, detail));
  else if (tenant.length > maxTenantCharacters)
    errors.push(
      field.required(
        field.child(path, "tenant"),
        "must be a UUID and may not exceed a length of 64 characters",
      ),
    );
  else
    for (const pair of registry.split(","))
      if (!/^([^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(pair)) errors.push(field.invalid(at, registry, detail));
  return volume === "" ? [...errors, field.required(field.child(path, "volume"))] : errors;
}

/** Options under these domains are the kubelet's own. */
function validateFlexOptions(path: string, { options = {} }: FlexVolumeSource): Errors {
  return Object.keys(options).flatMap((key) => {
    const domain = `.${key.split("/")[0]?.toLowerCase() ?? ""}`;
    const isReserved = domain.endsWith(".kubernetes.io") || domain.endsWith(".k8s.io");
    return isReserved
      ? [field.invalid(field.at(path, key), key, "kubernetes.io and k8s.io namespaces are reserved")]
      : [];
  });
}

const cachingModes = ["None", "ReadOnly", "ReadWrite"];
const diskKinds = ["Dedicated", "Managed", "Shared"];
const managedDiskForm =
  "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
const blobDiskForm = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";

function validateAzureDisk(path: string, disk: AzureDiskVolumeSource): Errors {
  const { cachingMode, kind, diskURI = "" } = disk;
  const at = field.child(path, "diskURI");
  const errors: FieldError[] = [];
  if (cachingMode !== undefined && !cachingModes.includes(cachingMode))
    errors.push(field.notSupported(field.child(path, "cachingMode"), cachingMode, cachingModes));
  if (kind === undefined) return errors;
  if (!diskKinds.includes(kind)) errors.push(field.notSupported(field.child(path, "kind"), kind, diskKinds));
  if (kind === "Managed" && !diskURI.startsWith("/subscriptions/"))
    errors.push(field.notSupported(at, diskURI, [managedDiskForm]));
  if (kind !== "Managed" && !diskURI.startsWith("https://"))
    errors.push(field.notSupported(at, diskURI, [blobDiskForm]));
  return errors;
}

function validateStorageOs(path: string, source: StorageOSVolumeSource, owner: SourceOwner): Errors {
  const { volumeName = "", volumeNamespace = "", secretRef } = source;
  const namePath = field.child(path, "volumeName");
  return [
    ...(volumeName === ""
      ? [field.required(namePath)]
      : field.invalidEach(namePath, volumeName, dns1123Label(volumeName))),
    ...(volumeNamespace === ""
      ? []
      : field.invalidEach(
          field.child(path, "volumeNamespace"),
          volumeNamespace,
          dns1123Label(volumeNamespace),
        )),
    ...secretErrors(field.child(path, "secretRef"), secretRef, owner),
  ];
}

function secretErrors(
  path: string,
  reference: SecretReference | undefined,
  { isPersistent }: SourceOwner,
): Errors {
  if (reference === undefined) return [];
  return [
    ...(reference.name ? [] : [field.required(field.child(path, "name"))]),
    ...(isPersistent && !reference.namespace ? [field.required(field.child(path, "namespace"))] : []),
  ];
}

function endpointsNamespaceErrors(
  path: string,
  { endpointsNamespace: namespace }: GlusterfsPersistentVolumeSource,
): Errors {
  if (namespace === undefined) return [];
  return namespace === ""
    ? [field.invalid(path, namespace, "if the endpointnamespace is set, it must be a valid namespace name")]
    : field.invalidEach(path, namespace, dns1123Label(namespace));
}

function validateInlineCsi(path: string, { driver, nodePublishSecretRef }: CSIVolumeSource): Errors {
  const errors = [...driverNameErrors(field.child(path, "driver"), driver)];
  if (nodePublishSecretRef === undefined) return errors;
  const { name = "" } = nodePublishSecretRef;
  if (name === "") errors.push(field.required(field.child(path, "nodePublishSecretRef", "name")));
  // Upstream's path: the name is the secret's.
  else errors.push(...field.invalidEach(field.child(path, "name"), name, dns1123Subdomain(name)));
  return errors;
}

const csiSecrets = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
] as const;

function validatePersistentCsi(path: string, source: CSIPersistentVolumeSource): Errors {
  return [
    ...driverNameErrors(field.child(path, "driver"), source.driver),
    ...(source.volumeHandle ? [] : [field.required(field.child(path, "volumeHandle"))]),
    ...csiSecrets.flatMap((name) => secretReferenceErrors(field.child(path, name), source[name])),
  ];
}

function secretReferenceErrors(path: string, reference: SecretReference | undefined): Errors {
  if (reference === undefined) return [];
  const { name = "", namespace = "" } = reference;
  const checked = (part: string, value: string, check: (value: string) => readonly string[]) =>
    value === ""
      ? [field.required(field.child(path, part))]
      : field.invalidEach(field.child(path, part), value, check(value));
  return [...checked("name", name, dns1123Subdomain), ...checked("namespace", namespace, dns1123Label)];
}
