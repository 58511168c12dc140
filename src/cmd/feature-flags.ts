import type { ResourceDefinition } from "../api/definition.ts";
import { featureGates } from "../apiserver/operation/feature-gates.ts";
import { parseBoolean } from "./flag-values.ts";
import { UserError } from "./user-error.ts";

/** `--feature-gates`: what is on and off here is what v1.36 has by default, and cannot be changed. Throws UserError. */
export function checkFeatureGates(text: string): void {
  const gates = featureGates();
  for (const [name, value] of pairs(text)) {
    if (value === undefined) throw refusedGate(text, `missing bool value for ${name}`);
    const isOn = parseBoolean(value);
    if (isOn === undefined)
      throw refusedGate(
        text,
        `invalid value of ${name}=${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    if (name === "AllAlpha" && !isOn) continue;
    const gate = gates.get(name);
    if (gate === undefined && name !== "AllAlpha" && name !== "AllBeta")
      throw refusedGate(text, `unrecognized feature gate: ${name}`);
    if (gate?.isOn === isOn) continue;
    if (gate?.isLocked === true)
      throw refusedGate(
        text,
        `cannot set feature gate ${name} to ${isOn}, feature is locked to ${gate.isOn}`,
      );
    throw refusedGate(
      text,
      `cannot set feature gate ${name} to ${isOn}, k8ts has features as they are by default`,
    );
  }
}

function refusedGate(text: string, why: string): UserError {
  return new UserError(`invalid argument ${JSON.stringify(text)} for "--feature-gates" flag: ${why}`);
}

/** v1.36's versions that are not served here: none of them is by default. */
const unserved: Readonly<Record<string, string>> = {
  "admissionregistration.k8s.io": "v1beta1 v1alpha1",
  "authentication.k8s.io": "v1beta1 v1alpha1",
  "authorization.k8s.io": "v1beta1",
  batch: "v1beta1",
  "certificates.k8s.io": "v1beta1 v1alpha1",
  "coordination.k8s.io": "v1beta1 v1alpha2",
  "discovery.k8s.io": "v1beta1",
  "events.k8s.io": "v1beta1",
  "flowcontrol.apiserver.k8s.io": "v1beta3 v1beta2 v1beta1",
  "internal.apiserver.k8s.io": "v1alpha1",
  "networking.k8s.io": "v1beta1",
  "node.k8s.io": "v1beta1 v1alpha1",
  policy: "v1beta1",
  "rbac.authorization.k8s.io": "v1beta1 v1alpha1",
  "resource.k8s.io": "v1beta2 v1beta1 v1alpha3",
  "scheduling.k8s.io": "v1beta1 v1alpha2",
  "storage.k8s.io": "v1beta1 v1alpha1",
  "storagemigration.k8s.io": "v1beta1",
};

/**
 * `--runtime-config`: the "group/version"s that are not to be served. What this process's components live on cannot be
 * switched off, and what is not there not on. Throws UserError.
 */
export function readRuntimeConfig(
  text: string,
  definitions: readonly ResourceDefinition[],
): ReadonlySet<string> {
  const off = new Set<string>();
  for (const [key, value] of pairs(text)) {
    const isOn = value === undefined || value === "" ? true : parseBoolean(value);
    if (isOn === undefined)
      throw new UserError(`invalid value of ${key}: ${value}, err: strconv.ParseBool: invalid syntax`);
    if (key.startsWith("api/")) checkMatcher(key, isOn);
    else if (!isServed(key, definitions)) {
      if (isOn) throw new UserError(`--runtime-config: k8ts does not serve ${key}`);
    } else if (!isOn) {
      const [group = "", version = ""] = groupVersionOf(key);
      if (!isDispensable(group, version, definitions))
        throw new UserError(`--runtime-config: ${key} cannot be switched off: components of k8ts live on it`);
      off.add(`${group}/${version}`);
    }
  }
  return off;
}

function checkMatcher(key: string, isOn: boolean): void {
  const isDefault: Readonly<Record<string, boolean>> = {
    "api/ga": true,
    "api/beta": false,
    "api/alpha": false,
  };
  if (isDefault[key] === isOn) return;
  if (key === "api/all" && !isOn) throw new UserError(`invalid runtime-config with only ${key}=false`);
  if (!(key in isDefault) && key !== "api/all") throw new UserError(`unknown api groups ${key}`);
  throw new UserError(
    `--runtime-config: ${key}=${isOn} cannot be had: k8ts serves all stable versions, and no other`,
  );
}

function groupVersionOf(key: string): readonly [string, string] {
  const [group = "", version = "", resource, ...more] = key === "v1" ? ["", "v1"] : key.split("/");
  if (version === "" || more.length > 0) throw new UserError(`runtime-config invalid key ${key}`);
  if (resource !== undefined)
    throw new UserError(`--runtime-config: ${key}: k8ts switches whole versions only, not single resources`);
  return [group, version];
}

function isServed(key: string, definitions: readonly ResourceDefinition[]): boolean {
  const [group, version] = groupVersionOf(key);
  const ofGroup = definitions.filter((definition) => definition.group === group);
  if (ofGroup.length === 0 && !(group in unserved))
    throw new UserError(`unknown api groups ${group}/${version}`);
  if (ofGroup.some(({ versions }) => versions.includes(version))) return true;
  if (!(unserved[group] ?? "").split(" ").includes(version))
    throw new UserError(`group version ${group}/${version} that has not been registered`);
  return false;
}

/** Every kind of it is there in another version as well. */
function isDispensable(group: string, version: string, definitions: readonly ResourceDefinition[]): boolean {
  return definitions
    .filter((definition) => definition.group === group && definition.versions.includes(version))
    .every(
      ({ versions, storedAs, storageVersion }) =>
        storedAs !== undefined || (versions.length > 1 && (storageVersion ?? versions[0]) !== version),
    );
}

function pairs(text: string): readonly (readonly [string, string | undefined])[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      return equals < 0
        ? ([part, undefined] as const)
        : ([part.slice(0, equals), part.slice(equals + 1)] as const);
    });
}
