/** Mounts and block devices of a container: of volumes the pod has, at paths of their own. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { descendingPathErrors, pathBackstepErrors } from "./path-validation.ts";
import type { Container, Volume, VolumeDevice, VolumeMount } from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateMounts(
  path: string,
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
): Errors {
  return [
    ...validateVolumeMounts(field.child(path, "volumeMounts"), container, volumes),
    ...validateVolumeDevices(field.child(path, "volumeDevices"), container, volumes),
  ];
}

function validateVolumeMounts(
  path: string,
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
): Errors {
  const { volumeMounts, volumeDevices = [] } = container;
  const taken = new Set<string>();
  return field.each(path, volumeMounts, (mount, at) => {
    const { name = "", mountPath = "", subPath = "", subPathExpr = "" } = mount;
    const namePath = field.child(at, "name");
    const targetPath = field.child(at, "mountPath");
    const errors: FieldError[] = [];
    if (name === "") errors.push(field.required(namePath));
    if (!volumes.has(name)) errors.push(field.notFound(namePath, name));
    if (mountPath === "") errors.push(field.required(targetPath));
    if (taken.has(mountPath)) errors.push(field.invalid(targetPath, mountPath, "must be unique"));
    taken.add(mountPath);
    if (volumeDevices.some((device) => device.name === name))
      errors.push(field.invalid(namePath, name, "must not already exist in volumeDevices"));
    if (volumeDevices.some(({ devicePath }) => devicePath === mountPath))
      errors.push(field.invalid(targetPath, mountPath, "must not already exist as a path in volumeDevices"));
    // The paths of these lack the mount's number, as upstream has it.
    if (subPath !== "") errors.push(...descendingPathErrors(field.child(path, "subPath"), subPath));
    if (subPathExpr !== "") {
      if (subPath !== "")
        errors.push(
          field.invalid(
            field.child(at, "subPathExpr"),
            subPathExpr,
            "subPathExpr and subPath are mutually exclusive",
          ),
        );
      errors.push(...descendingPathErrors(field.child(path, "subPathExpr"), subPathExpr));
    }
    return [...errors, ...propagationErrors(path, mount, container)];
  });
}

const propagations = ["Bidirectional", "HostToContainer", "None"];
const recursiveReadOnlyModes = ["Disabled", "Enabled", "IfPossible"];

function propagationErrors(path: string, mount: VolumeMount, { securityContext }: Container): Errors {
  const { mountPropagation, recursiveReadOnly, readOnly } = mount;
  const errors: FieldError[] = [];
  const at = field.child(path, "mountPropagation");
  if (mountPropagation !== undefined && !propagations.includes(mountPropagation))
    errors.push(field.notSupported(at, mountPropagation, propagations));
  if (mountPropagation === "Bidirectional" && securityContext?.privileged !== true)
    errors.push(
      field.forbidden(at, "Bidirectional mount propagation is available only to privileged containers"),
    );
  const recursivePath = field.child(path, "recursiveReadOnly");
  if (recursiveReadOnly === undefined || recursiveReadOnly === "Disabled") return errors;
  if (!recursiveReadOnlyModes.includes(recursiveReadOnly))
    return [...errors, field.notSupported(recursivePath, recursiveReadOnly, recursiveReadOnlyModes)];
  if (readOnly !== true)
    errors.push(field.forbidden(recursivePath, "may only be specified when readOnly is true"));
  if (mountPropagation !== undefined && mountPropagation !== "None")
    errors.push(
      field.forbidden(recursivePath, "may only be specified when mountPropagation is None or not specified"),
    );
  return errors;
}

function validateVolumeDevices(
  path: string,
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
): Errors {
  const { volumeDevices, volumeMounts = [] } = container;
  const takenNames = new Set<string>();
  const takenPaths = new Set<string>();
  return field.each(path, volumeDevices, ({ name = "", devicePath = "" }: VolumeDevice, at) => {
    const namePath = field.child(at, "name");
    const targetPath = field.child(at, "devicePath");
    const volume = volumes.get(name);
    const errors: FieldError[] = [];
    if (name === "") errors.push(field.required(namePath));
    if (takenNames.has(name)) errors.push(field.invalid(namePath, name, "must be unique"));
    if (volume === undefined) errors.push(field.notFound(namePath, name));
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined)
      errors.push(
        field.invalid(
          namePath,
          name,
          "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
        ),
      );
    if (devicePath === "") errors.push(field.required(targetPath));
    if (takenPaths.has(devicePath)) errors.push(field.invalid(targetPath, devicePath, "must be unique"));
    if (pathBackstepErrors(targetPath, devicePath).length > 0)
      errors.push(field.invalid(targetPath, devicePath, "can not contain backsteps ('..')"));
    else takenPaths.add(devicePath);
    if (volumeMounts.some((mount) => mount.name === name))
      errors.push(field.invalid(namePath, name, "must not already exist in volumeMounts"));
    if (volumeMounts.some(({ mountPath }) => mountPath === devicePath))
      errors.push(field.invalid(targetPath, devicePath, "must not already exist as a path in volumeMounts"));
    if (name !== "") takenNames.add(name);
    return errors;
  });
}
