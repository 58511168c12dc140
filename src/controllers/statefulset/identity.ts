import type { ControllerRevision, StatefulSet } from "../../api/apps/types.generated.ts";
import type { Pod, PodTemplateSpec, Volume } from "../../api/core/types.generated.ts";
import { revisionHashLabel } from "../framework/revisions.ts";
import { podFromTemplate } from "../pods/pod-control.ts";

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";

export function startOrdinal({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0;
}

export function wantedReplicas({ spec }: StatefulSet): number {
  return spec.replicas ?? 1;
}

/** The ordinal of a pod of the set; undefined where its name is not one the set gives. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const { name = "" } = pod.metadata;
  const match = /^(.*)-(\d+)$/.exec(name);
  return match !== null && match[1] === set.metadata.name ? Number(match[2]) : undefined;
}

export function podNameFor(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** The name of a revision is what its pods are labelled with. */
export function revisionNameOf({ metadata }: Pod): string {
  return metadata.labels?.[revisionHashLabel] ?? "";
}

/** The template a revision holds. */
function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { spec } = revision.data as {
    readonly spec: { readonly template: PodTemplateSpec & { readonly $patch?: string } };
  }; // Written by `revisionData`.
  const { $patch: _, ...template } = spec.template;
  return template;
}

/** The pod of an ordinal: its name, hostname, labels and volumes follow from it. */
export function podOf(set: StatefulSet, revision: ControllerRevision, ordinal: number): Pod {
  const pod = podFromTemplate(set, templateOf(revision));
  const { generateName: _, ...metadata } = pod.metadata;
  const name = podNameFor(set, ordinal);
  const { serviceName } = set.spec;
  return {
    ...pod,
    metadata: {
      ...metadata,
      name,
      labels: {
        ...metadata.labels,
        ...identityLabels(name, ordinal),
        [revisionHashLabel]: revision.metadata.name ?? "",
      },
    },
    spec: {
      ...pod.spec,
      hostname: name,
      ...(serviceName === undefined || serviceName === "" ? {} : { subdomain: serviceName }),
      ...volumesFor(set, ordinal, pod.spec.volumes),
    },
  };
}

function identityLabels(name: string, ordinal: number): Record<string, string> {
  return { [podNameLabel]: name, [podIndexLabel]: String(ordinal) };
}

/** A claim's volume takes the place of one of the same name in the template. */
function volumesFor(
  set: StatefulSet,
  ordinal: number,
  own: readonly Volume[] = [],
): { volumes?: readonly Volume[] } {
  const claims = (set.spec.volumeClaimTemplates ?? []).map(({ metadata: { name = "" } }): Volume => {
    return { name, persistentVolumeClaim: { claimName: claimNameFor(set, name, ordinal) } };
  });
  const others = own.filter((volume) => claims.every(({ name }) => name !== volume.name));
  const volumes = [...others, ...claims];
  return volumes.length === 0 ? {} : { volumes };
}

export function claimNameFor(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${podNameFor(set, ordinal)}`;
}

/** The pod with the labels that tell it apart, where someone took them off; undefined where they are there. */
export function withIdentity(set: StatefulSet, pod: Pod): Pod | undefined {
  const ordinal = ordinalOf(set, pod);
  const { name = "", labels } = pod.metadata;
  if (ordinal === undefined || labels?.[podNameLabel] === name) return undefined;
  return { ...pod, metadata: { ...pod.metadata, labels: { ...labels, ...identityLabels(name, ordinal) } } };
}
