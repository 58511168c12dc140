import type { Pod, Volume } from "../../api/core/types.generated.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../api/resources.generated.ts";
import { quantityValue } from "../../apimachinery/quantity.ts";
import type { Client } from "../../client/client.ts";
import type { MountedVolume } from "../container-config.ts";
import type { ImageService } from "../cri/runtime.ts";
import type { DownwardContext } from "../downward-api.ts";
import type { HostFiles } from "../host/host.ts";
import { type KubeletDirectories, type PodDirectories, podDirectories } from "../pod-directories.ts";
import type { ReferencedObjects } from "../referenced-objects.ts";
import { imagePlugin } from "./image-volumes.ts";
import {
  configMapPayload,
  downwardPayload,
  type Payload,
  type PayloadSources,
  projectedPayload,
  secretPayload,
  VolumeError,
} from "./payload.ts";
import type { TokenManager } from "./tokens.ts";

export interface VolumeManagerDependencies {
  readonly client: Client;
  readonly files: HostFiles;
  readonly images: ImageService;
  readonly objects: ReferencedObjects;
  readonly tokens: TokenManager;
  readonly directories: KubeletDirectories;
  readonly resourceField: (pod: Pod, containerName: string, resource: string, divisor: string) => string;
}

/** Sets the volumes of pods up on the disk, and takes them away. */
export class VolumeManager {
  readonly #dependencies: VolumeManagerDependencies;
  readonly #mounted = new Map<string, Map<string, MountedVolume>>();

  constructor(dependencies: VolumeManagerDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Sets up every volume of the pod, or brings it up to date; cheap when nothing changed. Throws VolumeError when one
   * cannot be set up as things are.
   */
  async mount(pod: Pod, downward: DownwardContext): Promise<ReadonlyMap<string, MountedVolume>> {
    const uid = pod.metadata.uid ?? "";
    const paths = podDirectories(this.#dependencies.directories, pod);
    const before = this.#mounted.get(uid);
    const result = new Map<string, MountedVolume>();
    for (const volume of pod.spec.volumes ?? []) {
      try {
        result.set(volume.name, await this.#mountOne(pod, volume, downward, paths, before?.get(volume.name)));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new VolumeError(`"${volume.name}" : ${why}`);
      }
    }
    this.#mounted.set(uid, result);
    return result;
  }

  /** Removes everything of the pod from the disk. */
  async unmount(pod: Pick<Pod, "metadata">): Promise<void> {
    const { files, directories, images } = this.#dependencies;
    this.#mounted.delete(pod.metadata.uid ?? "");
    const paths = podDirectories(directories, pod);
    const ofImages = paths.volume(imagePlugin, "");
    for (const name of await files.listDirectory(ofImages.slice(0, -1)))
      await images.mounts?.unmount(`${ofImages}${name}`);
    await files.removeTree(paths.root);
  }

  async #mountOne(
    pod: Pod,
    volume: Volume,
    downward: DownwardContext,
    paths: PodDirectories,
    before: MountedVolume | undefined,
  ): Promise<MountedVolume> {
    const { files } = this.#dependencies;
    const content = apiContent(pod, volume, await this.#payloadSources(pod, volume, downward));
    if (content === undefined) return before ?? this.#mountPlain(pod, volume, paths);
    const hostPath = paths.volume(content.plugin, volume.name);
    if (before === undefined) {
      await files.makeDirectory(hostPath, { mode: 0o777 });
      // Secrets stay in memory: nothing of them is left on a disk.
      if (content.isSecret) await files.mountTmpfs(hostPath, {});
    }
    const groupId = pod.spec.securityContext?.fsGroup;
    await files.writeAtomically(hostPath, content.payload, groupId === undefined ? {} : { groupId });
    return { hostPath, readOnly: true };
  }

  async #payloadSources(pod: Pod, volume: Volume, downward: DownwardContext): Promise<PayloadSources> {
    const { tokens, objects, resourceField } = this.#dependencies;
    const { namespace = "" } = pod.metadata;
    const held = new Map<string, string>();
    for (const { serviceAccountToken } of volume.projected?.sources ?? []) {
      if (serviceAccountToken === undefined) continue;
      const { audience = "", expirationSeconds = 3600 } = serviceAccountToken;
      held.set(`${audience}/${expirationSeconds}`, await tokens.get(pod, audience, expirationSeconds));
    }
    return {
      downward,
      configMap: (name) => objects.configMap(namespace, name),
      secret: (name) => objects.secret(namespace, name),
      resourceField: (container, resource, divisor) => resourceField(pod, container, resource, divisor),
      token: (audience, expirationSeconds) => held.get(`${audience}/${expirationSeconds}`),
    };
  }

  async #mountPlain(pod: Pod, volume: Volume, paths: PodDirectories): Promise<MountedVolume> {
    const { emptyDir, hostPath, image, persistentVolumeClaim, ephemeral } = volume;
    if (emptyDir !== undefined) return this.#mountEmptyDir(pod, volume.name, emptyDir, paths);
    if (hostPath !== undefined) {
      await checkHostPath(this.#dependencies.files, hostPath.path, hostPath.type ?? "");
      return { hostPath: hostPath.path, readOnly: false };
    }
    // Pulled and mounted with the first container that wants it (image-volumes.ts).
    if (image !== undefined) return { hostPath: "", readOnly: true };
    if (persistentVolumeClaim !== undefined) {
      const { claimName, readOnly = false } = persistentVolumeClaim;
      return this.#mountClaim(pod, claimName, readOnly);
    }
    if (ephemeral !== undefined) return this.#mountClaim(pod, `${pod.metadata.name}-${volume.name}`, false);
    const [plugin = "none"] = Object.keys(volume).filter((key) => key !== "name");
    throw new VolumeError(`no volume plugin matched: "${plugin}" is not supported by this kubelet`);
  }

  async #mountEmptyDir(
    pod: Pod,
    name: string,
    emptyDir: NonNullable<Volume["emptyDir"]>,
    paths: PodDirectories,
  ): Promise<MountedVolume> {
    const { files } = this.#dependencies;
    const hostPath = paths.volume("empty-dir", name);
    await files.makeDirectory(hostPath, { mode: 0o777 });
    if (emptyDir.medium === "Memory") {
      const limit = emptyDir.sizeLimit;
      await files.mountTmpfs(hostPath, limit === undefined ? {} : { sizeBytes: quantityValue(limit) });
    }
    const groupId = pod.spec.securityContext?.fsGroup;
    if (groupId !== undefined) await files.setGroup(hostPath, groupId, { readOnly: false });
    return { hostPath, readOnly: false };
  }

  /** A claim bound to a volume that lies on this node: hostPath and local. */
  async #mountClaim(pod: Pod, claimName: string, readOnly: boolean): Promise<MountedVolume> {
    const { client, files } = this.#dependencies;
    const { namespace = "" } = pod.metadata;
    const claim = await client.get(persistentVolumeClaims, { namespace, name: claimName });
    const volumeName = claim.spec?.volumeName ?? "";
    if (claim.status?.phase !== "Bound" || volumeName === "") {
      const phase = claim.status?.phase ?? "Pending";
      throw new VolumeError(`PVC ${namespace}/${claimName} has non-bound phase ("${phase}")`);
    }
    const volume = await client.get(persistentVolumes, { name: volumeName });
    const path = volume.spec?.local?.path ?? volume.spec?.hostPath?.path;
    if (path === undefined) {
      throw new VolumeError(
        `no volume plugin matched for persistent volume "${volumeName}": only local and hostPath are supported`,
      );
    }
    await checkHostPath(files, path, volume.spec?.hostPath?.type ?? "");
    return { hostPath: path, readOnly };
  }
}

/** The files of a volume that the API fills; undefined for any other volume. */
function apiContent(
  pod: Pod,
  { configMap, secret, downwardAPI, projected }: Volume,
  sources: PayloadSources,
): { readonly plugin: string; readonly payload: Payload; readonly isSecret: boolean } | undefined {
  if (configMap !== undefined) {
    const payload = configMapPayload(configMap, sources, configMap.defaultMode);
    return { plugin: "configmap", isSecret: false, payload };
  }
  if (secret !== undefined) {
    const source = { ...secret, name: secret.secretName ?? "" };
    return { plugin: "secret", isSecret: true, payload: secretPayload(source, sources, secret.defaultMode) };
  }
  if (downwardAPI !== undefined) {
    const payload = downwardPayload(pod, downwardAPI.items ?? [], sources, downwardAPI.defaultMode);
    return { plugin: "downward-api", isSecret: false, payload };
  }
  if (projected === undefined) return undefined;
  const payload = projectedPayload(pod, projected.sources ?? [], sources, projected.defaultMode);
  return { plugin: "projected", isSecret: true, payload };
}

const hostPathTypes: Readonly<Record<string, { readonly found: string; readonly words: string }>> = {
  Directory: { found: "directory", words: "a directory" },
  File: { found: "file", words: "a file" },
  Socket: { found: "socket", words: "a socket file" },
  CharDevice: { found: "characterDevice", words: "a character device" },
  BlockDevice: { found: "blockDevice", words: "a block device" },
};

/** Makes sure the path is of the type the volume names, creating it where it asks for that. */
async function checkHostPath(files: HostFiles, path: string, type: string): Promise<void> {
  if (type === "") return;
  const found = await files.pathType(path);
  const refuse = (words: string) => new VolumeError(`hostPath type check failed: ${path} is not ${words}`);
  if (type === "DirectoryOrCreate") {
    if (found === "absent") await files.makeDirectory(path, { mode: 0o755 });
    else if (found !== "directory") throw refuse("a directory");
  } else if (type === "FileOrCreate") {
    if (found === "absent") await files.ensureFile(path, { mode: 0o644 });
    else if (found !== "file") throw refuse("a file");
  } else {
    const want = hostPathTypes[type];
    if (want?.found !== found) throw refuse(want?.words ?? `of type ${type}`);
  }
}
