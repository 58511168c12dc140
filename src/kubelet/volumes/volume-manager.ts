import type { Pod, Volume } from "../../api/core/types.generated.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../api/resources.generated.ts";
import { quantityValue } from "../../apimachinery/quantity.ts";
import type { Client } from "../../client/client.ts";
import type { MountedVolume } from "../container-config.ts";
import type { DownwardContext } from "../downward-api.ts";
import type { HostFiles } from "../host/host.ts";
import { type KubeletDirectories, type PodDirectories, podDirectories } from "../pod-directories.ts";
import type { ReferencedObjects } from "../referenced-objects.ts";
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
  readonly objects: ReferencedObjects;
  readonly tokens: TokenManager;
  readonly directories: KubeletDirectories;
  readonly resourceField: (pod: Pod, containerName: string, resource: string, divisor: string) => string;
}

export interface VolumeManager {
  /**
   * Sets up every volume of the pod, or brings it up to date; cheap when nothing changed. Throws VolumeError when one
   * cannot be set up as things are.
   */
  mount(pod: Pod, downward: DownwardContext): Promise<ReadonlyMap<string, MountedVolume>>;
  /** Removes everything of the pod from the disk. */
  unmount(pod: Pick<Pod, "metadata">): Promise<void>;
}

export function createVolumeManager(dependencies: VolumeManagerDependencies): VolumeManager {
  const { client, files, objects, tokens, directories, resourceField } = dependencies;
  const mounted = new Map<string, Map<string, MountedVolume>>();

  async function mountOne(
    pod: Pod,
    volume: Volume,
    downward: DownwardContext,
    paths: PodDirectories,
  ): Promise<MountedVolume> {
    const before = mounted.get(pod.metadata.uid ?? "")?.get(volume.name);
    const content = await contentOf(pod, volume, downward);
    if (content !== undefined) {
      const hostPath = paths.volume(content.plugin, volume.name);
      if (before === undefined) {
        await files.makeDirectory(hostPath, { mode: 0o777 });
        // Secrets stay in memory: nothing of them is left on a disk.
        if (content.secret) await files.mountTmpfs(hostPath, {});
      }
      const groupId = pod.spec.securityContext?.fsGroup;
      await files.writeAtomically(hostPath, content.payload, groupId === undefined ? {} : { groupId });
      return { hostPath, readOnly: true };
    }
    return before ?? mountPlain(pod, volume, paths);
  }

  /** The files of a volume that the API fills; undefined for any other volume. */
  async function contentOf(pod: Pod, volume: Volume, downward: DownwardContext) {
    const { configMap, secret, downwardAPI, projected } = volume;
    const sources = await payloadSources(pod, volume, downward);
    let content: { plugin: string; payload: Payload; secret: boolean } | undefined;
    if (configMap !== undefined) {
      content = {
        plugin: "configmap",
        secret: false,
        payload: configMapPayload(configMap, sources, configMap.defaultMode),
      };
    } else if (secret !== undefined) {
      const source = { ...secret, name: secret.secretName ?? "" };
      content = {
        plugin: "secret",
        secret: true,
        payload: secretPayload(source, sources, secret.defaultMode),
      };
    } else if (downwardAPI !== undefined) {
      const payload = downwardPayload(pod, downwardAPI.items ?? [], sources, downwardAPI.defaultMode);
      content = { plugin: "downward-api", secret: false, payload };
    } else if (projected !== undefined) {
      const payload = projectedPayload(pod, projected.sources ?? [], sources, projected.defaultMode);
      content = { plugin: "projected", secret: true, payload };
    }
    return content;
  }

  async function payloadSources(
    pod: Pod,
    volume: Volume,
    downward: DownwardContext,
  ): Promise<PayloadSources> {
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

  async function mountPlain(pod: Pod, volume: Volume, paths: PodDirectories): Promise<MountedVolume> {
    if (volume.emptyDir !== undefined) return mountEmptyDir(pod, volume, volume.emptyDir, paths);
    if (volume.hostPath !== undefined) {
      const { path, type = "" } = volume.hostPath;
      await checkHostPath(path, type);
      return { hostPath: path, readOnly: false };
    }
    if (volume.image !== undefined) {
      return { hostPath: "", readOnly: true, image: volume.image.reference ?? "" };
    }
    if (volume.persistentVolumeClaim !== undefined) {
      return mountClaim(
        pod,
        volume.persistentVolumeClaim.claimName,
        volume.persistentVolumeClaim.readOnly === true,
      );
    }
    if (volume.ephemeral !== undefined) return mountClaim(pod, `${pod.metadata.name}-${volume.name}`, false);
    const [plugin = "none"] = Object.keys(volume).filter((key) => key !== "name");
    throw new VolumeError(`no volume plugin matched: "${plugin}" is not supported by this kubelet`);
  }

  async function mountEmptyDir(
    pod: Pod,
    volume: Volume,
    emptyDir: NonNullable<Volume["emptyDir"]>,
    paths: PodDirectories,
  ): Promise<MountedVolume> {
    const hostPath = paths.volume("empty-dir", volume.name);
    await files.makeDirectory(hostPath, { mode: 0o777 });
    if (emptyDir.medium === "Memory") {
      const limit = emptyDir.sizeLimit;
      await files.mountTmpfs(hostPath, limit === undefined ? {} : { sizeBytes: quantityValue(limit) });
    }
    const groupId = pod.spec.securityContext?.fsGroup;
    if (groupId !== undefined) await files.setGroup(hostPath, groupId, { readOnly: false });
    return { hostPath, readOnly: false };
  }

  async function checkHostPath(path: string, type: string): Promise<void> {
    const found = await files.pathType(path);
    if (type === "") return;
    if (type === "DirectoryOrCreate") {
      if (found === "absent") await files.makeDirectory(path, { mode: 0o755 });
      else if (found !== "directory")
        throw new VolumeError(`hostPath type check failed: ${path} is not a directory`);
      return;
    }
    if (type === "FileOrCreate") {
      if (found === "absent") await files.ensureFile(path, { mode: 0o644 });
      else if (found !== "file") throw new VolumeError(`hostPath type check failed: ${path} is not a file`);
      return;
    }
    const wanted: Readonly<Record<string, { found: string; words: string }>> = {
      Directory: { found: "directory", words: "a directory" },
      File: { found: "file", words: "a file" },
      Socket: { found: "socket", words: "a socket file" },
      CharDevice: { found: "characterDevice", words: "a character device" },
      BlockDevice: { found: "blockDevice", words: "a block device" },
    };
    const want = wanted[type];
    if (want?.found !== found) {
      throw new VolumeError(`hostPath type check failed: ${path} is not ${want?.words ?? `of type ${type}`}`);
    }
  }

  /** A claim bound to a volume that lies on this node: hostPath and local. */
  async function mountClaim(pod: Pod, claimName: string, readOnly: boolean): Promise<MountedVolume> {
    const { namespace = "" } = pod.metadata;
    const claim = await client.get(persistentVolumeClaims, { namespace, name: claimName });
    const volumeName = claim.spec?.volumeName ?? "";
    if (claim.status?.phase !== "Bound" || volumeName === "") {
      throw new VolumeError(
        `PVC ${namespace}/${claimName} has non-bound phase ("${claim.status?.phase ?? "Pending"}")`,
      );
    }
    const volume = await client.get(persistentVolumes, { name: volumeName });
    const path = volume.spec?.local?.path ?? volume.spec?.hostPath?.path;
    if (path === undefined) {
      throw new VolumeError(
        `no volume plugin matched for persistent volume "${volumeName}": only local and hostPath are supported`,
      );
    }
    await checkHostPath(path, volume.spec?.hostPath?.type ?? "");
    return { hostPath: path, readOnly };
  }

  return {
    async mount(pod, downward) {
      const uid = pod.metadata.uid ?? "";
      const paths = podDirectories(directories, pod);
      const result = new Map<string, MountedVolume>();
      for (const volume of pod.spec.volumes ?? []) {
        result.set(volume.name, await mountOne(pod, volume, downward, paths));
      }
      mounted.set(uid, result);
      return result;
    },
    async unmount(pod) {
      mounted.delete(pod.metadata.uid ?? "");
      await files.removeTree(podDirectories(directories, pod).root);
    },
  };
}
