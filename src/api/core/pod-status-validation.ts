/** What may be reported of a pod, and what may not be taken back. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain, qualifiedName, userId } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { ipErrors, isDualStack } from "../../apimachinery/validation-ip.ts";
import { inGoForm } from "../go-form.ts";
import { validatePodAnnotations, validatePodAnnotationsUpdate } from "./pod-annotation-validation.ts";
import { isSidecar } from "./pod-conditions.ts";
import type { Container, ContainerStatus, Pod, PodSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

const lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;
const statusConditionTypes = ["PodScheduled", "Ready", "Initialized"];

export function validatePodStatusUpdate(pod: Pod, old: Pod): Errors {
  const { status = {} } = pod;
  const errors: FieldError[] = [
    ...validatePodAnnotationsUpdate(pod.metadata.annotations, old.metadata.annotations),
    ...validatePodAnnotations("metadata.annotations", pod.metadata.annotations, pod.spec),
  ];
  errors.push(
    ...field.each("status.conditions", status.conditions, ({ type, observedGeneration = 0 }, at) => [
      ...(observedGeneration < 0
        ? [
            field.invalid(
              field.child(at, "observedGeneration"),
              observedGeneration,
              "must be a non-negative integer",
            ),
          ]
        : []),
      ...(statusConditionTypes.includes(type)
        ? []
        : field.invalidEach(field.child(at, "Type"), type, qualifiedName(type))),
    ]),
  );
  if ((pod.spec.nodeName ?? "") !== (old.spec.nodeName ?? ""))
    errors.push(field.forbidden("status.nodeName", "may not be changed directly"));
  const nominated = status.nominatedNodeName ?? "";
  const isNew = nominated !== "" && nominated !== (old.status?.nominatedNodeName ?? "");
  if (isNew && old.spec.nodeName)
    errors.push(
      field.forbidden("status.nominatedNodeName", "may not be set on pods that are already bound to a node"),
    );
  if (isNew)
    errors.push(...field.invalidEach("status.nominatedNodeName", nominated, dns1123Subdomain(nominated)));
  if ((status.observedGeneration ?? 0) < 0)
    errors.push(
      field.invalid("status.observedGeneration", status.observedGeneration, "must be a non-negative integer"),
    );
  if (old.status?.qosClass !== undefined)
    errors.push(...field.immutable("status.qosClass", status.qosClass, old.status.qosClass));
  for (const list of lists)
    errors.push(
      ...resurrectionErrors(`status.${list}`, status[list], old.status?.[list], restartRules(old.spec, list)),
    );
  errors.push(...claimStatusErrors(pod), ...extendedClaimErrors(pod));
  errors.push(...addressErrors("status.podIPs", status.podIPs, old.status?.podIPs));
  if ((status.hostIPs ?? []).length > 0 && status.hostIPs?.[0]?.ip !== status.hostIP)
    errors.push(field.invalid("status.hostIPs[0].ip", status.hostIPs?.[0]?.ip, "must be equal to `hostIP`"));
  errors.push(...addressErrors("status.hostIPs", status.hostIPs, old.status?.hostIPs));
  errors.push(...lists.flatMap((list) => userErrors(`status.${list}`, status[list], pod.spec.os?.name)));
  errors.push(...deviceHealthErrors(pod));
  return errors;
}

type MayRestart = (name: string, exitCode: number) => boolean;

/** Whether a container that ended may run again, by its own policy or else the pod's. */
function restartRules(spec: PodSpec, list: (typeof lists)[number]): MayRestart {
  if (list === "ephemeralContainerStatuses") return () => false;
  const containers = list === "containerStatuses" ? spec.containers : (spec.initContainers ?? []);
  const restartsAll = [...spec.containers, ...(spec.initContainers ?? [])].some((container) =>
    container.restartPolicyRules?.some(({ action }) => action === "RestartAllContainers"),
  );
  return (name, exitCode) => {
    if (restartsAll) return true;
    const container = containers.find((candidate) => candidate.name === name);
    if (container !== undefined && isSidecar(container)) return true;
    const matchesRule = container?.restartPolicyRules?.some(({ exitCodes }) => {
      const listed = exitCodes?.values?.includes(exitCode) ?? false;
      return exitCodes?.operator === "NotIn" ? !listed : listed;
    });
    if (matchesRule === true) return true;
    const policy = container?.restartPolicy ?? spec.restartPolicy;
    return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
  };
}

function resurrectionErrors(
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  old: readonly ContainerStatus[] | undefined,
  mayRestart: MayRestart,
): Errors {
  return field.each(path, old, (before, at) => {
    const ended = before.state?.terminated;
    if (ended === undefined || mayRestart(before.name, ended.exitCode)) return [];
    const after = statuses?.find(({ name }) => name === before.name);
    if (after === undefined || after.state?.terminated !== undefined) return [];
    return [field.forbidden(field.child(at, "state"), "may not be transitioned to non-terminated state")];
  });
}

interface IpHolder {
  readonly ip?: string;
}

function addressErrors(
  path: string,
  list: readonly IpHolder[] | undefined,
  old: readonly IpHolder[] | undefined,
): Errors {
  const addresses = (list ?? []).map(({ ip = "" }) => ip);
  const before = (old ?? []).map(({ ip = "" }) => ip);
  const errors = [...field.each(path, addresses, (address, at) => ipErrors(at, address, before))];
  if (addresses.length > 1 && (addresses.length > 2 || !isDualStack(addresses)))
    errors.push(
      field.invalid(path, inGoForm("PodIP", list), "may specify no more than one IP for each IP family"),
    );
  errors.push(
    ...field.unique(
      list,
      ({ ip }) => ip,
      (index, { ip }) => field.duplicate(field.at(path, index), inGoForm("PodIP", { ip })),
    ),
  );
  return errors;
}

/** Who made the claims that the pod's claims stand for. */
function claimStatusErrors({ spec, status }: Pod): Errors {
  const path = "status.resourceClaimStatuses";
  const known = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  return field.each(path, status?.resourceClaimStatuses, ({ name, resourceClaimName }, at) => {
    const namePath = field.child(at, "name");
    const errors: FieldError[] = [];
    if (!known.has(name))
      errors.push(field.invalid(namePath, name, "must match the name of an entry in `spec.resourceClaims`"));
    if (seen.has(name)) errors.push(field.duplicate(namePath, name));
    seen.add(name);
    if (resourceClaimName !== undefined)
      errors.push(...field.invalidEach(namePath, resourceClaimName, dns1123Subdomain(resourceClaimName)));
    return errors;
  });
}

/** Which requests of which containers the claim made for extended resources stands for. */
function extendedClaimErrors({ spec, status }: Pod): Errors {
  const claim = status?.extendedResourceClaimStatus;
  if (claim === undefined) return [];
  const path = "status.extendedResourceClaimStatus";
  const at = field.child(path, "requestMappings");
  const { requestMappings = [], resourceClaimName = "" } = claim;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const seen = new Set<string>();
  return [
    ...(requestMappings.length === 0 ? [field.required(at, "at least one request mapping is required")] : []),
    ...field.each(at, requestMappings, ({ containerName, resourceName, requestName = "" }, mapping) => {
      const container = containers.find(({ name }) => name === containerName);
      const identity = JSON.stringify([containerName, resourceName, requestName]);
      const names = Object.entries({ containerName, resourceName, requestName });
      const repeated = seen.has(identity)
        ? names.map(([name, value]) => field.duplicate(field.child(mapping, name), value))
        : [];
      seen.add(identity);
      return [
        ...mappingErrors(mapping, containerName, resourceName, container),
        // Upstream's path.
        ...field.invalidEach(field.child(path, "requestName"), requestName, dns1123Label(requestName)),
        ...repeated,
      ];
    }),
    ...(resourceClaimName === ""
      ? [field.required(field.child(path, "resourceClaimName"))]
      : field.invalidEach(
          field.child(path, "resourceClaimName"),
          resourceClaimName,
          dns1123Subdomain(resourceClaimName),
        )),
  ];
}

function mappingErrors(
  path: string,
  containerName: string,
  resourceName: string,
  container: Container | undefined,
): Errors {
  if (container === undefined)
    return [
      field.invalid(
        field.child(path, "containerName"),
        containerName,
        "must match the name of an entry in spec.initContainers.name or spec.containers.name",
      ),
    ];
  const detail =
    "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests";
  return container.resources?.requests?.[resourceName] === undefined
    ? [field.invalid(field.child(path, "resourceName"), resourceName, detail)]
    : [];
}

function userErrors(
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  osName = "linux",
): Errors {
  return field.each(path, statuses, ({ user }, at) => {
    const linux = user?.linux;
    if (linux === undefined) return [];
    const own = field.child(at, "user", "linux");
    if (osName === "windows") return [field.forbidden(own, "cannot be set for a windows pod")];
    return [
      ...field.invalidEach(field.child(own, "uid"), linux.uid, userId(linux.uid)),
      ...field.invalidEach(field.child(own, "gid"), linux.gid, userId(linux.gid)),
      ...field.each(field.child(own, "supplementalGroups"), linux.supplementalGroups, (group, groupPath) =>
        field.invalidEach(groupPath, group, userId(group)),
      ),
    ];
  });
}

/** How the devices fare that containers were given: only of devices they asked for. */
function deviceHealthErrors({ spec, status = {} }: Pod): Errors {
  return [
    ...allocatedErrors("status.containerStatuses", status.containerStatuses, spec.containers),
    ...allocatedErrors("status.initContainerStatuses", status.initContainerStatuses, spec.initContainers),
    ...field.each(
      "status.ephemeralContainerStatuses",
      status.ephemeralContainerStatuses,
      ({ allocatedResourcesStatus = [] }, at) =>
        allocatedResourcesStatus.length === 0
          ? []
          : [
              field.forbidden(
                field.child(at, "allocatedResourcesStatus"),
                "must not be specified in container status",
              ),
            ],
    ),
  ];
}

const healthStates = ["Healthy", "Unhealthy", "Unknown"];

function allocatedErrors(
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  containers: readonly Container[] | undefined,
): Errors {
  return field.each(path, statuses, ({ name, allocatedResourcesStatus }, at) => {
    const container = containers?.find((candidate) => candidate.name === name);
    return field.each(
      field.child(at, "allocatedResourcesStatus"),
      allocatedResourcesStatus,
      (resource, own) => [
        ...(container === undefined
          ? []
          : requestedErrors(field.child(own, "name"), resource.name, container)),
        ...field.each(field.child(own, "resources"), resource.resources, ({ health = "" }, healthPath) =>
          healthStates.includes(health)
            ? []
            : [field.notSupported(field.child(healthPath, "health"), health, healthStates)],
        ),
        ...field.unique(
          resource.resources,
          ({ resourceID }) => resourceID,
          (index, { resourceID }) =>
            field.duplicate(
              field.child(field.at(field.child(own, "resources"), index), "resourceID"),
              resourceID,
            ),
        ),
      ],
    );
  });
}

function requestedErrors(path: string, name: string, { resources }: Container): Errors {
  if (!name.startsWith("claim:"))
    return resources?.requests?.[name] === undefined
      ? [field.invalid(path, name, "must match one of the container's resource requests")]
      : [];
  const isClaimed = (resources?.claims ?? []).some(
    ({ name: claim, request = "" }) => name === `claim:${claim}${request === "" ? "" : `/${request}`}`,
  );
  if (isClaimed) return [];
  const detail =
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
  return [field.invalid(path, name, detail)];
}
