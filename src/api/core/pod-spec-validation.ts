/** The spec of a pod, in a pod or in a template (upstream's `ValidatePodSpec`). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateAnnotations, validateLabels } from "../../apimachinery/labels.ts";
import type { ObjectMeta } from "../../apimachinery/meta.ts";
import {
  byteLength,
  dns1123Label,
  dns1123Subdomain,
  dns1123SubdomainWithUnderscore,
  inRange,
  qualifiedName,
} from "../../apimachinery/names.ts";
import { compareQuantity, formatQuantity, parseQuantity } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { ipErrors } from "../../apimachinery/validation-ip.ts";
import { inGoForm } from "../go-form.ts";
import { validateAffinity, validateTolerations, validateTopologySpread } from "./affinity-validation.ts";
import {
  type PodContext,
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
} from "./container-validation.ts";
import { validatePodAnnotations, validateProfileAnnotations } from "./pod-annotation-validation.ts";
import { validateOperatingSystem } from "./pod-os-validation.ts";
import { containerLimits, containerRequests } from "./pod-resources.ts";
import { validateVolumes } from "./pod-volume-validation.ts";
import {
  isHugePages,
  validateContainerResources,
  validatePodLevelRequirements,
} from "./resource-validation.ts";
import { validatePodSecurityContext } from "./security-validation.ts";
import type { PodResourceClaim, PodSpec, PodTemplateSpec } from "./types.generated.ts";
import { validateHostProcess } from "./windows-validation.ts";

type Errors = readonly FieldError[];

const maxInt32 = 2_147_483_647;

export interface PodSpecOptions {
  /** The pod's own metadata; absent in a template. */
  readonly podMetadata?: ObjectMeta;
}

export function validatePodSpec(path: string, spec: PodSpec, options: PodSpecOptions = {}): Errors {
  const at = (name: string) => field.child(path, name);
  const volumes = validateVolumes(at("volumes"), spec.volumes, options.podMetadata);
  const claimNames = (spec.resourceClaims ?? []).flatMap(({ name }) => name || []);
  const context: PodContext = { spec, volumes: volumes.valid, claimNames };
  return [
    ...(spec.terminationGracePeriodSeconds === undefined
      ? [field.required(at("terminationGracePeriodSeconds"))]
      : []),
    ...volumes.errors,
    ...validateClaims(at("resourceClaims"), spec.resourceClaims),
    ...validateContainers(at("containers"), context),
    ...validateInitContainers(at("initContainers"), context),
    ...validateEphemeralContainers(at("ephemeralContainers"), context),
    ...validatePodResources(path, spec, claimNames),
    ...validateHostNetworkPorts(at("containers"), spec, options.podMetadata !== undefined),
    ...field.oneOf(at("restartPolicy"), spec.restartPolicy, ["Always", "OnFailure", "Never"], {
      required: true,
    }),
    ...field.oneOf(
      at("dnsPolicy"),
      spec.dnsPolicy,
      ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
      {
        required: true,
      },
    ),
    ...validateLabels(at("nodeSelector"), spec.nodeSelector),
    ...validatePodSecurityContext(at("securityContext"), spec),
    ...validateAffinity(at("affinity"), spec.affinity),
    ...validateDns(at("dnsConfig"), spec),
    ...field.each(at("readinessGates"), spec.readinessGates, ({ conditionType }, gate) =>
      field.invalidEach(field.child(gate, "conditionType"), conditionType, qualifiedName(conditionType)),
    ),
    ...validateSchedulingGates(at("schedulingGates"), spec),
    ...validateTopologySpread(at("topologySpreadConstraints"), spec.topologySpreadConstraints),
    ...validateHostProcess(path, spec),
    ...validateHostUsers(path, spec),
    ...validateNames(path, spec),
    ...validateTolerations(at("tolerations"), spec.tolerations),
    ...field.each(at("hostAliases"), spec.hostAliases, ({ ip, hostnames }, alias) => [
      ...ipErrors(field.child(alias, "ip"), ip),
      ...field.each(field.child(alias, "hostnames"), hostnames, (name, hostPath) =>
        field.invalidEach(hostPath, name, dns1123Subdomain(name)),
      ),
    ]),
    ...(spec.preemptionPolicy === undefined
      ? []
      : field.oneOf(at("preemptionPolicy"), spec.preemptionPolicy, ["PreemptLowerPriority", "Never"], {
          required: true,
        })),
    ...(spec.overhead === undefined
      ? []
      : validateContainerResources(at("overhead"), { limits: spec.overhead }, [])),
    ...validateOperatingSystem(path, spec),
    ...validateFileKeys(path, spec),
  ];
}

function validateClaims(path: string, claims: readonly PodResourceClaim[] | undefined): Errors {
  const taken = new Set<string>();
  return field.each(path, claims, (claim, at) => {
    const { name = "", resourceClaimName, resourceClaimTemplateName } = claim;
    const errors: FieldError[] = [];
    if (name === "") errors.push(field.required(field.child(at, "name")));
    else if (taken.has(name)) errors.push(field.duplicate(field.child(at, "name"), name));
    else errors.push(...field.invalidEach(field.child(at, "name"), name, dns1123Label(name)));
    taken.add(name);
    const sources = Object.entries({ resourceClaimName, resourceClaimTemplateName });
    const given = sources.filter(([, value]) => value !== undefined).length;
    if (given > 1)
      errors.push(
        field.invalid(
          at,
          inGoForm("PodResourceClaim", claim),
          "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
        ),
      );
    if (given === 0)
      errors.push(
        field.invalid(
          at,
          inGoForm("PodResourceClaim", claim),
          "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
        ),
      );
    for (const [source, value] of sources)
      if (value !== undefined)
        errors.push(...field.invalidEach(field.child(at, source), value, dns1123Subdomain(value)));
    return errors;
  });
}

/** What the pod as a whole has must be enough for its containers. */
function validatePodResources(path: string, spec: PodSpec, claimNames: readonly string[]): Errors {
  const { resources } = spec;
  if (resources === undefined) return [];
  const at = field.child(path, "resources");
  if (spec.os?.name === "windows") return [field.forbidden(at, "may not be set for a windows pod")];
  const { requests = {}, limits = {}, claims } = resources;
  const errors: FieldError[] = [];
  if (claims !== undefined)
    errors.push(
      field.forbidden(field.child(at, "claims"), "claims may not be set for Resources at pod-level"),
    );
  errors.push(...validatePodLevelRequirements(at, resources, claimNames));
  const pod = { apiVersion: "v1", kind: "Pod", metadata: {}, spec };
  for (const [name, amount] of Object.entries(containerRequests(pod))) {
    const given = requests[name];
    if (given === undefined || compareQuantity(amount, parseQuantity(given)) <= 0) continue;
    const detail = `must be greater than or equal to aggregate container requests of ${formatQuantity(amount)}`;
    errors.push(field.invalid(field.at(field.child(at, "requests"), name), given, detail));
  }
  for (const [name, amount] of Object.entries(containerLimits(pod))) {
    const given = limits[name];
    if (!isHugePages(name) || given === undefined || compareQuantity(amount, parseQuantity(given)) <= 0)
      continue;
    const detail = `must be greater than or equal to aggregate container limits of ${formatQuantity(amount)}`;
    errors.push(field.invalid(field.at(field.child(at, "limits"), name), given, detail));
  }
  errors.push(
    ...field.each(field.child(at, "containers"), spec.containers, (container, containerPath) =>
      Object.entries(container.resources?.limits ?? {}).flatMap(([name, limit]) => {
        const given = limits[name];
        if (given === undefined || compareQuantity(parseQuantity(limit), parseQuantity(given)) <= 0)
          return [];
        const limitPath = field.child(field.at(containerPath, name), "limits");
        return [field.invalid(limitPath, limit, `must be less than or equal to pod limits of ${given}`)];
      }),
    ),
  );
  return errors;
}

/** With the host's network a port is the host's; in a template it may still be left out. */
function validateHostNetworkPorts(path: string, spec: PodSpec, isPod: boolean): Errors {
  if (spec.hostNetwork !== true) return [];
  return field.each(path, spec.containers, ({ ports }, container) =>
    field.each(field.child(container, "ports"), ports, ({ hostPort = 0, containerPort }, port) => {
      if ((!isPod && hostPort === 0) || hostPort === containerPort) return [];
      const detail = "must match `containerPort` when `hostNetwork` is true";
      return [field.invalid(field.child(port, "hostPort"), hostPort, detail)];
    }),
  );
}

const maxNameservers = 3;
const maxSearchPaths = 32;
const maxSearchListCharacters = 2048;

function validateDns(path: string, { dnsConfig, dnsPolicy }: PodSpec): Errors {
  if (dnsConfig === undefined)
    return dnsPolicy === "None"
      ? [field.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
      : [];
  const { nameservers = [], searches = [], options } = dnsConfig;
  const serversPath = field.child(path, "nameservers");
  const searchesPath = field.child(path, "searches");
  if (dnsPolicy === "None" && nameservers.length === 0)
    return [field.required(serversPath, "must provide at least one DNS nameserver when `dnsPolicy` is None")];
  const errors: FieldError[] = [];
  if (nameservers.length > maxNameservers)
    errors.push(
      field.invalid(serversPath, nameservers, `must not have more than ${maxNameservers} nameservers`),
    );
  errors.push(...field.each(serversPath, nameservers, (server, at) => ipErrors(at, server)));
  if (searches.length > maxSearchPaths)
    errors.push(
      field.invalid(searchesPath, searches, `must not have more than ${maxSearchPaths} search paths`),
    );
  if (byteLength(searches.join(" ")) > maxSearchListCharacters) {
    const detail = `must not have more than ${maxSearchListCharacters} characters (including spaces) in the search list`;
    errors.push(field.invalid(searchesPath, searches, detail));
  }
  errors.push(
    ...field.each(searchesPath, searches, (search, at) => {
      if (search === ".") return [];
      const name = search.endsWith(".") ? search.slice(0, -1) : search;
      return field.invalidEach(at, name, dns1123SubdomainWithUnderscore(name));
    }),
    ...field.each(field.child(path, "options"), options, ({ name }, at) =>
      name ? [] : [field.required(at, "must not be empty")],
    ),
  );
  return errors;
}

function validateSchedulingGates(path: string, { schedulingGates }: PodSpec): Errors {
  return [
    ...field.each(path, schedulingGates, ({ name }, at) => field.invalidEach(at, name, qualifiedName(name))),
    ...field.unique(
      schedulingGates,
      ({ name }) => name,
      (index, { name }) => field.duplicate(field.at(path, index), name),
    ),
  ];
}

function validateHostUsers(path: string, spec: PodSpec): Errors {
  if (spec.hostUsers !== false) return [];
  const detail = "when `hostUsers` is false";
  const errors: FieldError[] = [];
  if (spec.hostNetwork === true) errors.push(field.forbidden(field.child(path, "hostNetwork"), detail));
  if (spec.hostPID === true) errors.push(field.forbidden(field.child(path, "HostPID"), detail));
  if (spec.hostIPC === true) errors.push(field.forbidden(field.child(path, "HostIPC"), detail));
  for (const name of ["initContainers", "containers", "ephemeralContainers"] as const)
    errors.push(
      ...field.each(field.child(path, name), spec[name], ({ volumeDevices = [] }, at) =>
        volumeDevices.length === 0 ? [] : [field.forbidden(field.child(at, "volumeDevices"), detail)],
      ),
    );
  return errors;
}

function validateNames(path: string, spec: PodSpec): Errors {
  const names = [
    ["serviceAccountName", dns1123Subdomain],
    ["nodeName", dns1123Subdomain],
    ["hostname", dns1123Label],
    ["subdomain", dns1123Label],
    ["priorityClassName", dns1123Subdomain],
  ] as const;
  const errors: FieldError[] = names.flatMap(([name, check]) => {
    const value = spec[name];
    return value ? field.invalidEach(field.child(path, name), value, check(value)) : [];
  });
  const { runtimeClassName, activeDeadlineSeconds, hostnameOverride } = spec;
  if (runtimeClassName !== undefined)
    errors.push(
      ...field.invalidEach(
        field.child(path, "runtimeClassName"),
        runtimeClassName,
        dns1123Subdomain(runtimeClassName),
      ),
    );
  if (activeDeadlineSeconds !== undefined)
    errors.push(
      ...field.invalidEach(
        field.child(path, "activeDeadlineSeconds"),
        activeDeadlineSeconds,
        inRange(activeDeadlineSeconds, 1, maxInt32),
      ),
    );
  if (hostnameOverride === undefined) return errors;
  const at = field.child(path, "hostnameOverride");
  if (spec.setHostnameAsFQDN === true)
    errors.push(field.forbidden(at, "may not be specified when setHostnameAsFQDN is true"));
  if (spec.hostNetwork === true)
    errors.push(field.forbidden(at, "may not be specified when hostNetwork is true"));
  if (byteLength(hostnameOverride) > 64) errors.push(field.tooLong(at, 64));
  errors.push(...field.invalidEach(at, hostnameOverride, dns1123Subdomain(hostnameOverride)));
  return errors;
}

/** Variables read from files: of volumes that start out empty. */
function validateFileKeys(path: string, spec: PodSpec): Errors {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    field.each(field.child(path, list), spec[list], ({ env }, container) =>
      field.each(field.child(container, "env"), env, ({ valueFrom }, variable) => {
        const volumeName = valueFrom?.fileKeyRef?.volumeName;
        if (volumeName === undefined) return [];
        const at = field.child(variable, "valueFrom", "fileKeyRef", "volumeName");
        const volume = spec.volumes?.find(({ name }) => name === volumeName);
        if (volume === undefined) return [field.notFound(at, volumeName)];
        return volume.emptyDir === undefined
          ? [field.invalid(at, volumeName, "referenced volume must be of type emptyDir")]
          : [];
      }),
    ),
  );
}

/** The template of a workload. */
export function validatePodTemplate(path: string, template: PodTemplateSpec | undefined): Errors {
  const { metadata = {}, spec } = template ?? {};
  const errors: FieldError[] = [
    ...validateLabels(field.child(path, "labels"), metadata.labels),
    ...validateAnnotations(field.child(path, "annotations"), metadata.annotations),
  ];
  if (spec === undefined) return [...errors, field.required(field.child(path, "spec", "containers"))];
  const specPath = field.child(path, "spec");
  errors.push(
    ...validatePodAnnotations(field.child(path, "annotations"), metadata.annotations, spec),
    ...validatePodSpec(specPath, spec),
    ...validateProfileAnnotations(specPath, metadata.annotations, spec),
  );
  if ((spec.ephemeralContainers ?? []).length > 0)
    errors.push(
      field.forbidden(
        field.child(path, "spec", "ephemeralContainers"),
        "ephemeral containers not allowed in pod template",
      ),
    );
  return errors;
}
