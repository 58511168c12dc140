import type { Container, EphemeralContainer, Pod } from "../../api/core/types.generated.ts";
import type { MountedVolume } from "../container-config.ts";
import type { ImageService } from "../cri/runtime.ts";
import { type ImagePuller, StartError } from "../image-puller.ts";
import { canonicalImage } from "../image-reference.ts";
import { type KubeletDirectories, podDirectories } from "../pod-directories.ts";
import type { KubeletCounters } from "../stats/metrics.ts";

/**
 * The pod's volumes as one container mounts them, its image volumes (KEP-4639) made ready: the image is there by the volume's
 * own pull policy, and mounted on the node where the runtime cannot do that. A failure to pull is the container's: StartError.
 */
export async function withImageVolumes(
  pod: Pod,
  container: Container | EphemeralContainer,
  mounted: ReadonlyMap<string, MountedVolume>,
  dependencies: {
    readonly puller: ImagePuller;
    readonly images: ImageService;
    readonly directories: KubeletDirectories;
    readonly counters: KubeletCounters;
  },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, MountedVolume>> {
  const wanted = new Set((container.volumeMounts ?? []).map(({ name }) => name));
  const volumes = (pod.spec.volumes ?? []).filter(
    ({ name, image }) => image !== undefined && wanted.has(name),
  );
  if (volumes.length === 0) return mounted;
  const result = new Map(mounted);
  const { puller, images, directories, counters } = dependencies;
  counters.add("kubelet_image_volume_requested_total", {}, volumes.length);
  for (const { name, image: { reference = "", pullPolicy } = {} } of volumes) {
    const user = { image: reference, ...(pullPolicy === undefined ? {} : { imagePullPolicy: pullPolicy }) };
    const { ref } = await puller.ensure(pod, user, signal);
    if (images.mounts === undefined) {
      result.set(name, { hostPath: "", readOnly: true, image: ref });
      counters.add("kubelet_image_volume_mounted_succeed_total");
      continue;
    }
    const hostPath = podDirectories(directories, pod).volume(imagePlugin, name);
    try {
      await images.mounts.mount(ref, hostPath);
    } catch (error) {
      counters.add("kubelet_image_volume_mounted_errors_total");
      const why = error instanceof Error ? error.message : String(error);
      throw new StartError({ reason: "CreateContainerError", message: `image volume "${name}": ${why}` });
    }
    counters.add("kubelet_image_volume_mounted_succeed_total");
    result.set(name, { hostPath, readOnly: true });
  }
  return result;
}

/** The images that pods have as volumes, by their full names. */
export function imageVolumesOf(pods: readonly Pod[]): string[] {
  const volumes = pods.flatMap(({ spec }) => spec.volumes ?? []);
  return volumes.flatMap(({ image }) => canonicalImage(image?.reference ?? "") ?? []);
}

/** The folder's name of image volumes among a pod's. */
export const imagePlugin = "image";
