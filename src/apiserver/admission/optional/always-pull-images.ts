import type { Container, Pod, Volume } from "../../../api/core/types.generated.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import * as field from "../../../apimachinery/validation.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { isFor, refuse } from "../dependencies.ts";

const lists = ["initContainers", "containers", "ephemeralContainers"] as const;
const always = "Always";

/** Every image is pulled with the pod's own credentials before it runs: none is used because another pod had it pulled. */
export function alwaysPullImages(): AdmissionPlugin {
  return {
    name: "AlwaysPullImages",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    admit(attributes) {
      const pod = podOf(attributes);
      if (pod === undefined) return attributes.object;
      const spec = { ...pod.spec, ...Object.fromEntries(lists.flatMap((list) => pulled(pod, list))) };
      const { volumes } = pod.spec;
      return { ...pod, spec: volumes === undefined ? spec : { ...spec, volumes: volumes.map(pulledVolume) } };
    },
    validate(attributes) {
      const pod = podOf(attributes);
      if (pod === undefined) return;
      for (const list of lists)
        for (const [index, { imagePullPolicy = "" }] of (pod.spec[list] ?? []).entries())
          if (imagePullPolicy !== always) {
            const path = `${field.at(`spec.${list}`, index)}.imagePullPolicy`;
            const { message } = field.notSupported(path, imagePullPolicy, [always]);
            throw refuse(attributes, `${path}: ${message}`);
          }
    },
  };
}

/** A pod whose images are new; a running pod is not held to it for another change. */
function podOf(attributes: AdmissionAttributes): (AnyObject & Pod) | undefined {
  if (!isFor(attributes, "", "pods") || attributes.object === undefined) return undefined;
  // The resource says that it is a pod.
  const pod = attributes.object as AnyObject & Pod;
  const old = attributes.oldObject as (AnyObject & Pod) | undefined;
  if (attributes.operation !== "UPDATE" || old === undefined) return pod;
  const known = new Set(imagesOf(old));
  return imagesOf(pod).every((image) => known.has(image)) ? undefined : pod;
}

const imagesOf = ({ spec }: Pod): readonly string[] => [
  ...lists.flatMap((list) => (spec[list] ?? []).map(({ image = "" }) => image)),
  ...(spec.volumes ?? []).flatMap(({ image }) => (image === undefined ? [] : [image.reference ?? ""])),
];

function pulled({ spec }: Pod, list: (typeof lists)[number]): [string, readonly Partial<Container>[]][] {
  const containers = spec[list];
  return containers === undefined
    ? []
    : [[list, containers.map((container) => ({ ...container, imagePullPolicy: always }))]];
}

const pulledVolume = (volume: Volume): Volume =>
  volume.image === undefined ? volume : { ...volume, image: { ...volume.image, pullPolicy: always } };
