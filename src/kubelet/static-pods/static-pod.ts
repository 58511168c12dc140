import { defaultPod } from "../../api/core/pod-defaults.ts";
import { canonicalJson, fnv32a } from "../../api/core/template-hash.ts";
import type { Pod } from "../../api/core/types.generated.ts";

const annotations = {
  source: "kubernetes.io/config.source",
  hash: "kubernetes.io/config.hash",
  seen: "kubernetes.io/config.seen",
  mirror: "kubernetes.io/config.mirror",
} as const;

/** A manifest that cannot be run as a static pod. */
class ManifestError extends Error {}

/**
 * The pod that a manifest on this node describes: named after the node, with a uid that follows from its content, so that
 * a changed manifest is another pod. It tolerates whatever would drive it away.
 */
export function staticPod(manifest: unknown, file: string, nodeName: string, seen: string): Pod {
  const pod = manifest as Partial<Pod> | null; // what is asked of it follows
  if (typeof pod !== "object" || pod === null || pod.kind !== "Pod" || pod.apiVersion !== "v1")
    throw new ManifestError("is not a v1 Pod");
  const { metadata = {}, spec } = pod;
  if (metadata.name === undefined) throw new ManifestError("has no metadata.name");
  if (spec === undefined || !Array.isArray(spec.containers) || spec.containers.length === 0)
    throw new ManifestError("has no containers");
  const uid = uidOf(`${nodeName}/${file}/${canonicalJson(pod)}`);
  return defaultPod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      name: `${metadata.name}-${nodeName}`,
      namespace: metadata.namespace ?? "default",
      uid,
      annotations: {
        ...metadata.annotations,
        [annotations.source]: "file",
        [annotations.hash]: uid,
        [annotations.seen]: seen,
      },
    },
    spec: {
      ...spec,
      nodeName,
      tolerations: [...(spec.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
    },
    status: { phase: "Pending" },
  });
}

/** What the API shows of a static pod: a copy that names the node as its owner. */
export function mirrorPodOf(pod: Pod, node: { readonly name: string; readonly uid: string }): Pod {
  const { name, namespace, labels, annotations: own = {} } = pod.metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      annotations: { ...own, [annotations.mirror]: own[annotations.hash] ?? "" },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", ...node, controller: true }],
    },
    spec: pod.spec,
  };
}

/** Whether the pod is run from a manifest of this node (and is not its mirror). */
export function isStaticPod({ metadata }: Pod): boolean {
  const own = metadata.annotations ?? {};
  return own[annotations.source] === "file" && own[annotations.mirror] === undefined;
}

/** Whether `mirror` is what the API is to show of `pod`. */
export function isMirrorOf(mirror: Pod, pod: Pod): boolean {
  const hash = mirror.metadata.annotations?.[annotations.mirror];
  return mirror.metadata.deletionTimestamp === undefined && hash === pod.metadata.uid;
}

/** 32 hexadecimal digits from the content alone: the same manifest is the same pod after a restart. */
function uidOf(text: string): string {
  let digits = "";
  for (let part = 0; part < 4; part++)
    digits += fnv32a(`${part}:${text}`, 0x811c9dc5 ^ part)
      .toString(16)
      .padStart(8, "0");
  return digits;
}
