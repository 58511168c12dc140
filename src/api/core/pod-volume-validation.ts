/** Volumes of pods: exactly one source each, with what that source needs. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import { dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import { parseQuantity } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateClaimTemplate } from "./claim-validation.ts";
import { validateResourceFieldSelector, validateVolumeFieldSelector } from "./container-env-validation.ts";
import { fileModeErrors, nonReservedPathErrors } from "./path-validation.ts";
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from "./types.generated.ts";
import { validateSourceFields } from "./volume-source-validation.ts";

type Errors = readonly FieldError[];

/** In the order in which upstream looks for them: the first that is there is the volume's source. */
const sourceOrder: readonly Exclude<keyof Volume, "name">[] = [
  "emptyDir",
  "hostPath",
  "gitRepo",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "secret",
  "nfs",
  "iscsi",
  "glusterfs",
  "flocker",
  "persistentVolumeClaim",
  "rbd",
  "cinder",
  "cephfs",
  "quobyte",
  "downwardAPI",
  "fc",
  "flexVolume",
  "configMap",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "storageos",
  "projected",
  "scaleIO",
  "csi",
  "ephemeral",
  "image",
];

/** Where upstream's path of a second source is not the field's name. */
const oddPaths: Readonly<Partial<Record<keyof Volume, string>>> = {
  cephfs: "cephFS",
  downwardAPI: "downwarAPI",
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
      ...validateSource(at, volume, podMetadata !== undefined, podName),
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

function validateSource(path: string, volume: Volume, isPod: boolean, podName: string): Errors {
  const [first, ...others] = sourceOrder.filter((name) => volume[name] !== undefined);
  if (first === undefined) return [field.required(path, "must specify a volume type")];
  // Upstream's path: the field had another name once.
  const at = field.child(path, first === "gcePersistentDisk" ? "persistentDisk" : first);
  return [
    ...validateSourceFields(at, first, volume[first] ?? {}, {
      volumeName: volume.name ?? "",
      isPersistent: false,
    }),
    ...validateOwnRules(path, first, volume, isPod, podName),
    ...others.map((name) =>
      field.forbidden(field.child(path, oddPaths[name] ?? name), "may not specify more than 1 volume type"),
    ),
  ];
}

/** Of sources that only pods have. */
function validateOwnRules(
  path: string,
  source: keyof Volume,
  volume: Volume,
  isPod: boolean,
  podName: string,
): Errors {
  const { emptyDir, secret, configMap, downwardAPI, projected, image } = volume;
  const at = field.child(path, source);
  switch (source) {
    case "emptyDir":
      return emptyDir?.sizeLimit !== undefined && parseQuantity(emptyDir.sizeLimit).unscaled < 0n
        ? [field.forbidden(field.child(at, "sizeLimit"), "SizeLimit field must be a valid resource quantity")]
        : [];
    case "secret":
      return validateFiles(at, secret ?? {});
    case "configMap":
      return validateFiles(at, configMap ?? {});
    case "downwardAPI":
      return [
        ...fileModeErrors(field.child(at, "defaultMode"), downwardAPI?.defaultMode),
        ...(downwardAPI?.items ?? []).flatMap((file) => validateDownwardFile(at, file)),
      ];
    case "projected":
      return validateProjected(at, projected ?? {});
    case "ephemeral":
      return validateEphemeral(path, volume, podName);
    case "image":
      return [
        ...(isPod && !image?.reference ? [field.required(field.child(at, "reference"))] : []),
        ...field.oneOf(
          field.child(at, "pullPolicy"),
          image?.pullPolicy,
          ["Always", "IfNotPresent", "Never"],
          { required: true },
        ),
      ];
    default:
      return [];
  }
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
  const { secret, configMap, downwardAPI, serviceAccountToken } = source;
  const plain = (target = "") => ({ target, shown: target });
  return [
    ...(secret?.items ?? []).map(({ path }) => ({ target: path, shown: secret?.name ?? "" })),
    ...(configMap?.items ?? []).map(({ path }) => ({ target: path, shown: configMap?.name ?? "" })),
    ...(downwardAPI?.items ?? []).map(({ path }) => plain(path)),
    plain(serviceAccountToken?.path),
  ];
}

function validateProjection(path: string, volumePath: string, source: VolumeProjection): Errors {
  const { secret, configMap, downwardAPI, serviceAccountToken } = source;
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
