import type {
  ConfigMap,
  Container,
  EnvVar,
  EphemeralContainer,
  Pod,
  Secret,
} from "../api/core/types.generated.ts";

import { decodeBase64 } from "../base/base64.ts";
import { type DownwardContext, podField } from "./downward-api.ts";
import { expandReferences } from "./expansion.ts";

/** A container that cannot be made from its spec: shown as its waiting reason (CreateContainerConfigError). */
export class ContainerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ContainerConfigError";
  }
}

export interface EnvironmentSources {
  readonly downward: DownwardContext;
  /** Undefined: there is none of that name in the pod's namespace. */
  readonly configMap: (name: string) => ConfigMap | undefined;
  readonly secret: (name: string) => Secret | undefined;
  /** The value of a resourceFieldRef for a container of the pod. */
  readonly resourceField: (containerName: string, resource: string, divisor: string) => string;
  readonly serviceVariables: Readonly<Record<string, string>>;
  /** The text of a file in one of the pod's emptyDir volumes (KEP-3721); undefined: there is none. */
  readonly envFile?: (volumeName: string, path: string) => string | undefined;
}

/** A container's environment in order: services, then envFrom, then env, later names winning. */
export function containerEnvironment(
  pod: Pod,
  container: Container | EphemeralContainer,
  sources: EnvironmentSources,
): { name: string; value: string }[] {
  const result = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    for (const [name, value] of Object.entries(entriesOf(source, sources, pod))) {
      result.set(`${source.prefix ?? ""}${name}`, value);
    }
  }
  // References see what was defined before them, and the services.
  const lookUp = (name: string) => result.get(name) ?? sources.serviceVariables[name];
  for (const variable of container.env ?? []) {
    const value = valueOfVariable(pod, container, variable, sources, lookUp);
    if (value !== undefined) result.set(variable.name, value);
  }
  for (const [name, value] of Object.entries(sources.serviceVariables))
    if (!result.has(name)) result.set(name, value);
  return [...result].map(([name, value]) => ({ name, value }));
}

function entriesOf(
  source: NonNullable<Container["envFrom"]>[number],
  sources: EnvironmentSources,
  pod: Pod,
): Readonly<Record<string, string>> {
  const { configMapRef, secretRef } = source;
  if (configMapRef !== undefined) {
    const configMap = sources.configMap(configMapRef.name ?? "");
    if (configMap !== undefined) return configMap.data ?? {};
    if (configMapRef.optional === true) return {};
    throw new ContainerConfigError(`configmap "${configMapRef.name ?? ""}" not found`);
  }
  if (secretRef !== undefined) {
    const secret = sources.secret(secretRef.name ?? "");
    if (secret !== undefined) return decodeAll(secret.data ?? {});
    if (secretRef.optional === true) return {};
    throw new ContainerConfigError(`secret "${secretRef.name ?? ""}" not found`);
  }
  throw new ContainerConfigError(`pod ${pod.metadata.name}: an envFrom entry names no source`);
}

function valueOfVariable(
  pod: Pod,
  container: Container | EphemeralContainer,
  variable: EnvVar,
  sources: EnvironmentSources,
  lookUp: (name: string) => string | undefined,
): string | undefined {
  const from = variable.valueFrom;
  if (from === undefined) return expandReferences(variable.value ?? "", lookUp);
  if (from.fieldRef !== undefined) {
    const value = podField(pod, from.fieldRef.fieldPath, sources.downward);
    if (value === undefined)
      throw new ContainerConfigError(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    return value;
  }
  if (from.resourceFieldRef !== undefined) {
    const { containerName, resource, divisor } = from.resourceFieldRef;
    return sources.resourceField(containerName ?? container.name, resource, divisor ?? "0");
  }
  if (from.configMapKeyRef !== undefined) {
    const { name = "", key, optional } = from.configMapKeyRef;
    const configMap = sources.configMap(name);
    const value = configMap?.data?.[key];
    if (value !== undefined || optional === true) return value;
    if (configMap === undefined) throw new ContainerConfigError(`configmap "${name}" not found`);
    throw new ContainerConfigError(`couldn't find key ${key} in ConfigMap ${pod.metadata.namespace}/${name}`);
  }
  if (from.secretKeyRef !== undefined) {
    const { name = "", key, optional } = from.secretKeyRef;
    const secret = sources.secret(name);
    const value = secret?.data?.[key];
    if (value !== undefined) return decodeText(value);
    if (optional === true) return undefined;
    if (secret === undefined) throw new ContainerConfigError(`secret "${name}" not found`);
    throw new ContainerConfigError(`couldn't find key ${key} in Secret ${pod.metadata.namespace}/${name}`);
  }
  if (from.fileKeyRef !== undefined) {
    const { volumeName, path, key, optional } = from.fileKeyRef;
    const text = sources.envFile?.(volumeName, path);
    const value = text === undefined ? undefined : envFileEntry(text, key);
    if (value !== undefined || optional === true) return value;
    throw new ContainerConfigError(`environment variable key "${key}" not found in file "${path}"`);
  }
  return undefined;
}

/** One KEY='value' line of an environment file. */
function envFileEntry(text: string, key: string): string | undefined {
  for (const line of text.split("\n")) {
    const match = /^\s*([A-Za-z_][A-Za-z0-9_]*)='(.*)'\s*$/.exec(line);
    if (match?.[1] === key) return match[2];
  }
  return undefined;
}

function decodeAll(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, decodeText(value)]));
}

function decodeText(base64: string): string {
  return new TextDecoder().decode(decodeBase64(base64));
}
