import { hashOf } from "../api/core/template-hash.ts";
import type { Container, EphemeralContainer, Pod, VolumeMount } from "../api/core/types.generated.ts";
import type { ContainerConfig, LinuxContainerResources, Mount } from "./cri/config.ts";
import type { Image } from "./cri/runtime.ts";
import { ContainerConfigError } from "./environment.ts";
import { expandReferences } from "./expansion.ts";
import type { HostFiles } from "./host/host.ts";
import type { PodDirectories } from "./pod-directories.ts";
import { runtimeAnnotations, runtimeLabels } from "./runtime-pod.ts";
import { containerSecurity } from "./security.ts";

/** A volume as it is set up on the node. */
export interface MountedVolume {
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** An image that the runtime mounts by itself (KEP-4639), by what pullImage or imageStatus named it. */
  readonly image?: string;
}

export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: Container | EphemeralContainer;
  readonly attempt: number;
  readonly image: Image;
  /** What imageStatus or pullImage named it by. */
  readonly imageRef: string;
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly volumes: ReadonlyMap<string, MountedVolume>;
  readonly resources: LinuxContainerResources;
  readonly directories: PodDirectories;
  readonly hash: string;
  /** For an ephemeral container that looks into another one. */
  readonly targetId?: string;
}

export async function containerConfig(
  input: ContainerConfigInput,
  files: HostFiles,
): Promise<ContainerConfig> {
  const { pod, container, attempt, image, environment } = input;
  const { name = "", namespace = "", uid = "" } = pod.metadata;
  const values = new Map(environment.map((variable) => [variable.name, variable.value]));
  const expand = (text: string) => expandReferences(text, (key) => values.get(key));
  const terminationPath = container.terminationMessagePath ?? "/dev/termination-log";
  const gracePeriod = pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  return {
    metadata: { name: container.name, attempt },
    image: input.imageRef,
    userSpecifiedImage: container.image ?? "",
    command: (container.command ?? []).map(expand),
    args: (container.args ?? []).map(expand),
    ...(container.workingDir === undefined ? {} : { workingDir: container.workingDir }),
    envs: environment,
    mounts: [...(await volumeMounts(input, expand, files)), ...ownMounts(input, terminationPath)],
    labels: {
      [runtimeLabels.podName]: name,
      [runtimeLabels.podNamespace]: namespace,
      [runtimeLabels.podUid]: uid,
      [runtimeLabels.containerName]: container.name,
    },
    annotations: {
      [runtimeAnnotations.hash]: input.hash,
      [runtimeAnnotations.restartCount]: String(attempt),
      [runtimeAnnotations.terminationMessagePath]: terminationPath,
      [runtimeAnnotations.terminationMessagePolicy]: container.terminationMessagePolicy ?? "File",
      [runtimeAnnotations.podGracePeriod]: String(gracePeriod),
    },
    logPath: `${container.name}/${attempt}.log`,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    ...(container.lifecycle?.stopSignal === undefined ? {} : { stopSignal: container.lifecycle.stopSignal }),
    linux: {
      resources: input.resources,
      securityContext: containerSecurity(pod, container, image, input.targetId),
    },
  };
}

async function volumeMounts(
  { container, volumes, pod }: ContainerConfigInput,
  expand: (text: string) => string,
  files: HostFiles,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = volumes.get(mount.name);
    if (volume === undefined) {
      throw new ContainerConfigError(`volume "${mount.name}" of pod "${pod.metadata.name}" is not mounted`);
    }
    mounts.push({
      ...(await mountSource(mount, volume, expand, files)),
      containerPath: mount.mountPath,
      readonly: mount.readOnly === true || volume.readOnly,
      ...(mount.recursiveReadOnly === "Enabled" ? { recursiveReadOnly: true } : {}),
      propagation: propagationOf(mount),
    });
  }
  return mounts;
}

async function mountSource(
  mount: VolumeMount,
  volume: MountedVolume,
  expand: (text: string) => string,
  files: HostFiles,
) {
  const subPath =
    mount.subPathExpr === undefined || mount.subPathExpr === "" ? mount.subPath : expand(mount.subPathExpr);
  const hasSubPath = subPath !== undefined && subPath !== "";
  if (volume.image !== undefined) {
    return { hostPath: "", image: volume.image, ...(hasSubPath ? { imageSubPath: subPath } : {}) };
  }
  if (!hasSubPath) return { hostPath: volume.hostPath };
  if (subPath.startsWith("/") || subPath.split("/").includes("..")) {
    throw new ContainerConfigError(`subPath "${subPath}" must be a relative path without ".."`);
  }
  return { hostPath: await files.resolveSubPath(volume.hostPath, subPath) };
}

function propagationOf(mount: VolumeMount): "private" | "hostToContainer" | "bidirectional" {
  if (mount.mountPropagation === "HostToContainer") return "hostToContainer";
  return mount.mountPropagation === "Bidirectional" ? "bidirectional" : "private";
}

/** /etc/hosts and the termination log, unless a volume of the pod's own takes their place. */
function ownMounts(
  { container, directories, attempt }: ContainerConfigInput,
  terminationPath: string,
): Mount[] {
  const taken = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath));
  const mounts: Mount[] = [];
  if (!taken.has("/etc/hosts")) mounts.push({ containerPath: "/etc/hosts", hostPath: directories.hostsFile });
  if (!taken.has(terminationPath)) {
    mounts.push({
      containerPath: terminationPath,
      hostPath: directories.terminationLog(container.name, attempt),
    });
  }
  return mounts;
}

/** Names what of a container's definition may change under a running pod: what runs from another one is replaced. */
export function containerHash({ name, image }: Container | EphemeralContainer): string {
  return hashOf({ name, image });
}
