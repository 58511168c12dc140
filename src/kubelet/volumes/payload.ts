import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  VolumeProjection,
} from "../../api/core/types.generated.ts";
import { decodeBase64 } from "../../base/base64.ts";
import { type DownwardContext, podField } from "../downward-api.ts";
import type { FilePayload } from "../host/host.ts";

/** The volume cannot be made from its spec as things are; the kubelet tries again (event FailedMount). */
export class VolumeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "VolumeError";
  }
}

export interface PayloadSources {
  readonly downward: DownwardContext;
  readonly configMap: (name: string) => ConfigMap | undefined;
  readonly secret: (name: string) => Secret | undefined;
  readonly resourceField: (containerName: string, resource: string, divisor: string) => string;
  /** The token of a projection, fetched beforehand; undefined: it could not be had yet. */
  readonly token: (audience: string, expirationSeconds: number) => string | undefined;
}

export type Payload = Map<string, FilePayload>;

const encoder = new TextEncoder();
const defaultFileMode = 0o644;

export function configMapPayload(
  source: { readonly name?: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean },
  sources: PayloadSources,
  defaultMode = defaultFileMode,
): Payload {
  const { name = "" } = source;
  const configMap = sources.configMap(name);
  if (configMap === undefined && source.optional !== true) {
    throw new VolumeError(`configmap "${name}" not found`);
  }
  const entries = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(configMap?.data ?? {})) entries.set(key, encoder.encode(text));
  for (const [key, base64] of Object.entries(configMap?.binaryData ?? {}))
    entries.set(key, decodeBase64(base64));
  return pick(entries, source, defaultMode, `configmap references non-existent config key`);
}

export function secretPayload(
  source: { readonly name?: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean },
  sources: PayloadSources,
  defaultMode = defaultFileMode,
): Payload {
  const { name = "" } = source;
  const secret = sources.secret(name);
  if (secret === undefined && source.optional !== true) throw new VolumeError(`secret "${name}" not found`);
  const entries = new Map<string, Uint8Array>();
  for (const [key, base64] of Object.entries(secret?.data ?? {})) entries.set(key, decodeBase64(base64));
  return pick(entries, source, defaultMode, `references non-existent secret key`);
}

function pick(
  entries: ReadonlyMap<string, Uint8Array>,
  source: { readonly items?: readonly KeyToPath[]; readonly optional?: boolean },
  defaultMode: number,
  absentKey: string,
): Payload {
  const payload: Payload = new Map();
  if (source.items === undefined || source.items.length === 0) {
    for (const [key, bytes] of entries) payload.set(key, { bytes, mode: defaultMode });
    return payload;
  }
  for (const { key, path, mode } of source.items) {
    const bytes = entries.get(key);
    if (bytes !== undefined) payload.set(path, { bytes, mode: mode ?? defaultMode });
    else if (source.optional !== true) throw new VolumeError(`${absentKey}: ${key}`);
  }
  return payload;
}

export function downwardPayload(
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[],
  sources: PayloadSources,
  defaultMode = defaultFileMode,
): Payload {
  const payload: Payload = new Map();
  for (const { path, fieldRef, resourceFieldRef, mode } of items) {
    let text: string | undefined;
    if (fieldRef !== undefined) text = podField(pod, fieldRef.fieldPath, sources.downward);
    else if (resourceFieldRef !== undefined) {
      const { containerName = "", resource, divisor = "0" } = resourceFieldRef;
      text = sources.resourceField(containerName, resource, divisor);
    }
    if (text === undefined) throw new VolumeError(`unsupported downward API field for "${path}"`);
    payload.set(path, { bytes: encoder.encode(text), mode: mode ?? defaultMode });
  }
  return payload;
}

export function projectedPayload(
  pod: Pod,
  projections: readonly VolumeProjection[],
  sources: PayloadSources,
  defaultMode = defaultFileMode,
): Payload {
  const payload: Payload = new Map();
  for (const projection of projections) {
    const part = projectionPayload(pod, projection, sources, defaultMode);
    for (const [path, file] of part) payload.set(path, file);
  }
  return payload;
}

function projectionPayload(
  pod: Pod,
  projection: VolumeProjection,
  sources: PayloadSources,
  defaultMode: number,
): Payload {
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  if (configMap !== undefined) return configMapPayload(configMap, sources, defaultMode);
  if (secret !== undefined) return secretPayload(secret, sources, defaultMode);
  if (downwardAPI !== undefined) return downwardPayload(pod, downwardAPI.items ?? [], sources, defaultMode);
  if (serviceAccountToken !== undefined) {
    const { audience = "", expirationSeconds = 3600, path } = serviceAccountToken;
    const token = sources.token(audience, expirationSeconds);
    if (token === undefined) throw new VolumeError(`failed to fetch token for audience "${audience}"`);
    return new Map([[path, { bytes: encoder.encode(token), ...tokenAccess(pod, defaultMode) }]]);
  }
  const [unknown = "none"] = Object.keys(projection);
  throw new VolumeError(`the projected volume source "${unknown}" is not supported by this kubelet`);
}

/** A token is for its pod's eyes: the one user that all containers run as, else the volume's group, else everybody. */
function tokenAccess(pod: Pod, defaultMode: number): { mode: number; uid?: number } {
  const users = new Set(
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(
      (container) => container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser,
    ),
  );
  const [user] = users;
  if (users.size === 1 && user !== undefined) return { mode: 0o600, uid: user };
  if (pod.spec.securityContext?.fsGroup !== undefined) return { mode: 0o640 };
  return { mode: defaultMode };
}
