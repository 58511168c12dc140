/** What is allowed in a pod, but is hardly meant (upstream's `pkg/api/pod/warnings.go`): texts for Warning headers. */

import { dns1123Label } from "../../apimachinery/names.ts";
import { ipWarnings } from "../../apimachinery/network-warnings.ts";
import { quantityMilliValue } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { lookupTable } from "../../base/lookup-table.ts";
import {
  nodeSelectorWarnings,
  nodeTermWarnings,
  oldLabelMessage,
  oldLabelWarning,
} from "./node-label-warnings.ts";
import { appArmorPrefix, appArmorProfileOf, appArmorWarning } from "./pod-profiles.ts";
import type { ResourceList } from "./pod-resources.ts";
import type {
  Affinity,
  Container,
  ContainerPort,
  EnvVar,
  Pod,
  PodAffinity,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from "./types.generated.ts";
import { overlappingPathWarnings } from "./volume-path-warnings.ts";

type Warnings = readonly string[];

export function podWarnings(pod: Pod, old?: Pod): Warnings {
  // People hardly change pods themselves, and those who report of them do it often.
  if (old !== undefined) return [];
  return [
    ...hostnameWarnings("the Pod's hostname", pod.metadata.name),
    ...specWarnings("", pod.spec, pod.metadata.annotations),
  ];
}

interface Named {
  readonly metadata: { readonly name?: string; readonly generation?: number };
}

/** Of an object with a pod template, where it is new or its spec changed. */
export function templateWarnings(
  path: string,
  template: PodTemplateSpec | undefined,
  object: Named,
  old?: Named,
): Warnings {
  if (template?.spec === undefined || (old !== undefined && isSameGeneration(object, old))) return [];
  return specWarnings(path, template.spec, template.metadata?.annotations);
}

/** As `templateWarnings`, of objects whose own name becomes a part of their pods' names. */
export function workloadWarnings(
  path: string,
  template: PodTemplateSpec | undefined,
  object: Named,
  old?: Named,
): Warnings {
  return [
    ...(old === undefined ? hostnameWarnings("Pod names and hostnames", object.metadata.name) : []),
    ...templateWarnings(path, template, object, old),
  ];
}

function isSameGeneration(object: Named, old: Named): boolean {
  return object.metadata.generation === old.metadata.generation;
}

function hostnameWarnings(use: string, name = ""): Warnings {
  const reasons = dns1123Label(name);
  if (reasons.length === 0) return [];
  return [
    `metadata.name: this is used in ${use}, which can result in surprising behavior; a DNS label is recommended: [${reasons.join(" ")}]`,
  ];
}

type Annotations = Readonly<Record<string, string>> | undefined;

function specWarnings(root: string, spec: PodSpec, annotations: Annotations): Warnings {
  const path = field.child(root, "spec");
  const at = (...names: string[]) => field.child(path, ...names);
  const lists = ["initContainers", "containers", "ephemeralContainers"] as const;
  const containers = lists.flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ container, at: field.at(at(list), index) })),
  );
  return [
    ...(spec.nodeSelector || spec.affinity || spec.topologySpreadConstraints
      ? nodeLabelWarnings(path, spec)
      : []),
    ...annotationWarnings(field.child(root, "metadata", "annotations"), annotations, spec),
    ...(spec.volumes ?? []).flatMap((volume, index) =>
      volumeWarnings(field.at(at("volumes"), index), volume),
    ),
    ...overlappingPathWarnings(spec.volumes),
    ...repeatedWarnings(at("hostAliases"), "ip", spec.hostAliases, ({ ip }) => ip),
    ...repeatedWarnings(at("imagePullSecrets"), "name", spec.imagePullSecrets, ({ name = "" }) => name),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, index) =>
      name ? [] : [`${field.at(at("imagePullSecrets"), index)}.name: invalid empty name ""`],
    ),
    ...fractionWarnings(at("overhead"), spec.overhead),
    ...containers.flatMap((each) => containerWarnings(each.at, each.container)),
    ...profileWarnings(root, spec, annotations, containers),
    ...portWarnings(containers),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [
          `${at("terminationGracePeriodSeconds")}: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
    ...(spec.affinity === undefined
      ? []
      : [
          ...podAffinityWarnings(at("affinity", "podAffinity"), spec.affinity.podAffinity),
          ...podAffinityWarnings(at("affinity", "podAntiAffinity"), spec.affinity.podAntiAffinity),
        ]),
    ...(spec.dnsConfig?.nameservers ?? []).flatMap((ip, index) =>
      ipWarnings(field.at(at("dnsConfig", "nameservers"), index), ip),
    ),
    ...(spec.hostAliases ?? []).flatMap(({ ip }, index) =>
      ipWarnings(`${field.at(at("hostAliases"), index)}.ip`, ip),
    ),
  ];
}

function nodeLabelWarnings(path: string, spec: PodSpec): Warnings {
  const spread = field.child(path, "topologySpreadConstraints");
  return [
    ...Object.keys(spec.nodeSelector ?? {}).flatMap((key) => {
      const message = oldLabelMessage(key);
      return message === undefined ? [] : [`${field.at(field.child(path, "nodeSelector"), key)}: ${message}`];
    }),
    ...nodeAffinityWarnings(field.child(path, "affinity", "nodeAffinity"), spec.affinity?.nodeAffinity),
    ...(spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey, labelSelector }, index) => [
      ...oldLabelWarning(field.child(field.at(spread, index), "topologyKey"), topologyKey),
      ...nullSelectorWarning(field.at(spread, index), labelSelector),
    ]),
  ];
}

function nullSelectorWarning(path: string, selector: unknown): Warnings {
  return selector === undefined
    ? [`${path}.labelSelector: a null labelSelector results in matching no pod`]
    : [];
}

function nodeAffinityWarnings(path: string, affinity: Affinity["nodeAffinity"]): Warnings {
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const requiredPath = field.child(
    path,
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms",
  );
  const preferredPath = field.child(path, "preferredDuringSchedulingIgnoredDuringExecution");
  return [
    ...nodeSelectorWarnings(requiredPath, required),
    ...preferred.flatMap(({ preference }, index) =>
      nodeTermWarnings(field.child(field.at(preferredPath, index), "preference"), preference),
    ),
  ];
}

function podAffinityWarnings(path: string, affinity: PodAffinity | undefined): Warnings {
  const required = field.child(path, "requiredDuringSchedulingIgnoredDuringExecution");
  const preferred = field.child(path, "preferredDuringSchedulingIgnoredDuringExecution");
  return [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(({ labelSelector }, index) =>
      nullSelectorWarning(field.at(required, index), labelSelector),
    ),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap(
      ({ podAffinityTerm }, index) =>
        nullSelectorWarning(
          field.child(field.at(preferred, index), "podAffinityTerm"),
          podAffinityTerm.labelSelector,
        ),
    ),
  ];
}

const oldAnnotations: Readonly<Record<string, string>> = lookupTable({
  "scheduler.alpha.kubernetes.io/critical-pod":
    'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
  "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
});
const seccompAnnotation = "seccomp.security.alpha.kubernetes.io/pod";

function annotationWarnings(path: string, annotations: Annotations, spec: PodSpec): Warnings {
  if (annotations === undefined) return [];
  const warnings = Object.entries(oldAnnotations)
    .filter(([key]) => annotations[key] !== undefined)
    .map(([key, message]) => `${field.at(path, key)}: ${message}`);
  if (annotations[seccompAnnotation] !== undefined && spec.securityContext?.seccompProfile === undefined)
    warnings.push(
      `${field.at(path, seccompAnnotation)}: non-functional in v1.27+; use the "seccompProfile" field instead`,
    );
  return warnings;
}

const oldVolumes: Readonly<Record<string, string>> = lookupTable({
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
});

/** Of sources, in pods and in persistent volumes, that are on their way out. */
export function oldSourceWarnings(path: string, holder: object, names = Object.keys(oldVolumes)): Warnings {
  const sources = Object.keys(holder).filter(
    (name) => oldVolumes[name] !== undefined && names.includes(name),
  );
  return sources.map(
    (name) => `${field.child(path, name === "storageos" ? "storageOS" : name)}: ${oldVolumes[name]}`,
  );
}

function volumeWarnings(path: string, volume: Volume): Warnings {
  const requests = volume.ephemeral?.volumeClaimTemplate?.spec.resources?.requests;
  const at = field.child(path, "ephemeral", "volumeClaimTemplate", "spec", "resources", "requests");
  return [...oldSourceWarnings(path, volume), ...fractionWarnings(at, requests, ["storage"])];
}

function repeatedWarnings<T>(
  path: string,
  name: string,
  list: readonly T[] | undefined,
  textOf: (item: T) => string,
): Warnings {
  if (list === undefined) return [];
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    const value = textOf(item);
    if (seen.has(value)) return [`${field.at(path, index)}.${name}: duplicate ${name} ${field.quote(value)}`];
    seen.add(value);
    return [];
  });
}

const byteResources = ["memory", "ephemeral-storage"];

/** Nothing is smaller than a byte. */
export function fractionWarnings(
  path: string,
  list: ResourceList | undefined,
  names = byteResources,
): Warnings {
  if (list === undefined) return [];
  return names.flatMap((name) => {
    const amount = list[name];
    if (amount === undefined || quantityMilliValue(amount) % 1000 === 0) return [];
    return [
      `${field.at(path, name)}: fractional byte value ${field.quote(amount)} is invalid, must be an integer`,
    ];
  });
}

function containerWarnings(path: string, { resources, env }: Container): Warnings {
  const at = field.child(path, "resources");
  return [
    ...fractionWarnings(field.child(at, "limits"), resources?.limits),
    ...fractionWarnings(field.child(at, "requests"), resources?.requests),
    ...environmentWarnings(field.child(path, "env"), env),
  ];
}

/** A variable given twice may build on its first value; otherwise the first is lost. */
function environmentWarnings(path: string, variables: readonly EnvVar[] = []): Warnings {
  const seen = new Set<string>();
  return variables.flatMap(({ name, value = "", valueFrom }, index) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const reference = `$(${name})`;
    const builds = valueFrom === undefined && value !== reference && value.includes(reference);
    return builds
      ? []
      : [
          `${field.at(path, index)}: hides previous definition of ${field.quote(name)}, which may be dropped when using apply`,
        ];
  });
}

const seccompPrefix = "container.seccomp.security.alpha.kubernetes.io/";

/** Annotations that nobody reads any more, where the field is missing that is read. */
function profileWarnings(
  root: string,
  spec: PodSpec,
  annotations: Annotations,
  containers: readonly PlacedContainer[],
): Warnings {
  if (annotations === undefined) return [];
  const path = field.child(root, "metadata", "annotations");
  return containers.flatMap(({ container: { name, securityContext } }) => {
    const warnings: string[] = [];
    const seccomp = `${seccompPrefix}${name}`;
    if (securityContext?.seccompProfile === undefined && annotations[seccomp] !== undefined)
      warnings.push(
        `${field.at(path, seccomp)}: non-functional in v1.27+; use the "seccompProfile" field instead`,
      );
    // Pods were warned when the annotation became a field.
    const annotation = root === "" ? undefined : annotations[`${appArmorPrefix}${name}`];
    if (securityContext?.appArmorProfile === undefined && annotation !== undefined) {
      const ofPod = spec.securityContext?.appArmorProfile;
      if (ofPod === undefined || !field.semanticEqual(ofPod, appArmorProfileOf(annotation)))
        warnings.push(appArmorWarning(path, name));
    }
    return warnings;
  });
}

interface PlacedContainer {
  readonly at: string;
  readonly container: Container;
}

interface PlacedPort {
  readonly at: string;
  readonly port: ContainerPort;
}

function portWarnings(containers: readonly PlacedContainer[]): Warnings {
  const taken = new Map<string, PlacedPort[]>();
  return containers.flatMap(({ at: path, container }) =>
    (container.ports ?? []).flatMap((port, index) => {
      const at = field.at(field.child(path, "ports"), index);
      const key = `${port.containerPort}/${port.protocol ?? ""}`;
      const others = taken.get(key) ?? [];
      const warnings = others.flatMap((other) => {
        const conflict = conflictOf(port, other.port);
        return conflict === undefined ? [] : [`${at}: ${conflict} port definition with ${other.at}`];
      });
      taken.set(key, [...others, { at, port }]);
      return [...unboundWarning(at, port), ...warnings];
    }),
  );
}

function conflictOf(port: ContainerPort, other: ContainerPort): string | undefined {
  const [ip, otherIp] = [port.hostIP ?? "", other.hostIP ?? ""];
  const [host, otherHost] = [port.hostPort ?? 0, other.hostPort ?? 0];
  if (ip === otherIp && host === otherHost) return "duplicate";
  if (host === 0 || otherHost === 0) return "overlapping";
  return host === otherHost && (ip === "") !== (otherIp === "") ? "dangerously ambiguous" : undefined;
}

function unboundWarning(path: string, port: ContainerPort): Warnings {
  const { name = "", hostPort = 0, containerPort, protocol = "", hostIP = "" } = port;
  if (hostIP === "" || hostPort !== 0) return [];
  // As Go prints the struct.
  const shown = `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
  return [`${path}: hostIP set without hostPort: ${shown}`];
}
