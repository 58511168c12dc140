/** What a pod has that its author left out (upstream's SetDefaults functions of core/v1). */
import { formatQuantity } from "../../apimachinery/quantity.ts";
import { dropField, fillAbsent, fillEmpty, mapField, mapItems } from "../fill.ts";
import { isImageTagLatest } from "./image-reference.ts";
import { containerLimits, containerRequests, isPodLevelResource } from "./pod-resources.ts";
import { defaultFieldSelector, defaultResourceSelector, defaultVolume } from "./pod-volume-defaults.ts";
import { requestLimits, roundRequirements, roundResourceList } from "./resource-defaults.ts";
import type {
  Container,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
} from "./types.generated.ts";

const defaultTerminationGracePeriodSeconds = 30;
const defaultSchedulerName = "default-scheduler";

/** A whole pod: what every pod spec has, and what only real pods get. */
export function defaultPod(pod: Pod): Pod {
  const spec = defaultPodSpec(pod.spec ?? {});
  const containers = (list: readonly Container[]) => mapItems(list, defaultOnlyInPods(spec));
  let own = fillAbsent(spec, { enableServiceLinks: true });
  own = mapField(own, "containers", containers);
  own = mapField(own, "initContainers", containers);
  own = defaultPodLevelResources(own);
  // Less than nothing was once taken for at once: it is the least there is.
  if ((own.terminationGracePeriodSeconds ?? 0) < 0) own = { ...own, terminationGracePeriodSeconds: 1 };
  return { ...pod, spec: own, status: normalizePodAddresses(pod.status ?? {}) };
}

/** Requests follow limits, and with the host's network every port is one of the host. */
function defaultOnlyInPods(spec: PodSpec): (container: Container) => Container {
  return (container) => {
    const filled = mapField(container, "resources", requestLimits);
    if (spec.hostNetwork !== true) return filled;
    return mapField(filled, "ports", (ports) =>
      mapItems(ports, (port) => fillEmpty(port, { hostPort: port.containerPort })),
    );
  };
}

export function defaultPodTemplate(template: PodTemplateSpec | undefined): PodTemplateSpec {
  return { ...template, metadata: template?.metadata ?? {}, spec: defaultPodSpec(template?.spec ?? {}) };
}

/** What pods and templates share. */
function defaultPodSpec(given: Partial<PodSpec>): PodSpec {
  // The API calls the list required; what lacks it is told so by validation, after this.
  const spec: PodSpec = { containers: [], ...given };
  const serviceAccountName = spec.serviceAccountName || spec.serviceAccount;
  // Scheduling in groups is behind a gate that is off.
  let filled = fillEmpty(dropField(spec, "schedulingGroup"), {
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    schedulerName: defaultSchedulerName,
    ...(serviceAccountName ? { serviceAccountName } : {}),
  });
  filled = fillAbsent(filled, {
    securityContext: {},
    terminationGracePeriodSeconds: defaultTerminationGracePeriodSeconds,
  });
  // The old name of the field stays beside the new one.
  if (serviceAccountName && filled.serviceAccount !== serviceAccountName)
    filled = { ...filled, serviceAccount: serviceAccountName };
  const containers = <T extends Container>(list: readonly T[]) => mapItems(list, defaultContainer);
  filled = mapField(filled, "containers", containers);
  filled = mapField(filled, "initContainers", containers);
  filled = mapField(filled, "ephemeralContainers", containers);
  filled = mapField(filled, "volumes", (volumes) => mapItems(volumes, defaultVolume));
  filled = mapField(filled, "overhead", roundResourceList);
  return mapField(filled, "resources", roundRequirements);
}

function defaultContainer<T extends Container>(container: T): T {
  let filled: T = fillEmpty<Container>(container, {
    imagePullPolicy: isImageTagLatest(container.image ?? "") ? "Always" : "IfNotPresent",
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
  }) as T; // a copy keeps what the container has beside
  filled = fillAbsent<Container>(filled, { resources: {} }) as T;
  filled = mapField(filled, "resources", (resources) => roundRequirements(resources ?? {}) as never);
  return defaultContainerParts(filled) as T;
}

function defaultContainerParts(container: Container): Container {
  let filled = mapField(container, "ports", (ports) =>
    mapItems(ports, (port) => fillEmpty(port, { protocol: "TCP" })),
  );
  filled = mapField(filled, "env", (variables) =>
    mapItems(variables, (variable) =>
      mapField(variable, "valueFrom", (source) =>
        mapField(
          mapField(mapField(source, "fieldRef", defaultFieldSelector), "fileKeyRef", (reference) =>
            fillAbsent(reference, { optional: false }),
          ),
          "resourceFieldRef",
          defaultResourceSelector,
        ),
      ),
    ),
  );
  filled = mapField(filled, "livenessProbe", defaultProbe);
  filled = mapField(filled, "readinessProbe", defaultProbe);
  filled = mapField(filled, "startupProbe", defaultProbe);
  if (filled.lifecycle?.stopSignal !== undefined) filled = withoutStopSignal(filled);
  return mapField(filled, "lifecycle", defaultLifecycle);
}

/** Signals of containers are behind a gate that is off; nothing is left of a lifecycle that has no more. */
function withoutStopSignal({ lifecycle, ...container }: Container): Container {
  const { stopSignal: _dropped, ...left } = lifecycle ?? {};
  return Object.keys(left).length === 0 ? container : { ...container, lifecycle: left };
}

function defaultProbe(probe: Probe): Probe {
  const filled = fillEmpty(probe, {
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  return mapField(mapField(filled, "httpGet", defaultHttpGet), "grpc", (action) =>
    fillAbsent(action, { service: "" }),
  );
}

function defaultLifecycle(lifecycle: Lifecycle): Lifecycle {
  const handler = (value: LifecycleHandler) => mapField(value, "httpGet", defaultHttpGet);
  return mapField(mapField(lifecycle, "postStart", handler), "preStop", handler);
}

function defaultHttpGet(action: HTTPGetAction): HTTPGetAction {
  return fillEmpty(action, { path: "/", scheme: "HTTP" });
}

/**
 * Where the pod as a whole has limits: its requests are what the containers request together, and the limit for what
 * none requests. Hugepages, which cannot be overcommitted, get their limit from the containers.
 */
function defaultPodLevelResources(spec: PodSpec): PodSpec {
  const given = spec.resources;
  if (given === undefined) return spec;
  const resources = defaultPodRequests(spec, defaultHugePageLimits(spec, given));
  return resources === given ? spec : { ...spec, resources };
}

function defaultHugePageLimits(spec: PodSpec, resources: ResourceRequirements): ResourceRequirements {
  const { limits = {}, requests = {} } = resources;
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) return resources;
  const filled: Record<string, string> = { ...limits };
  for (const [name, amount] of Object.entries(containerLimits(asPod(spec))))
    if (name.startsWith("hugepages-") && requests[name] === undefined)
      filled[name] ??= formatQuantity(amount);
  return Object.keys(filled).length === Object.keys(limits).length
    ? resources
    : { ...resources, limits: filled };
}

function defaultPodRequests(spec: PodSpec, resources: ResourceRequirements): ResourceRequirements {
  const { limits = {}, requests = {} } = resources;
  if (Object.keys(limits).length === 0) return resources;
  const filled: Record<string, string> = { ...requests };
  for (const [name, amount] of Object.entries(containerRequests(asPod(spec))))
    if (name === "cpu" || name === "memory") filled[name] ??= formatQuantity(amount);
  for (const name in limits) {
    const limit = limits[name];
    if (limit !== undefined && isPodLevelResource(name)) filled[name] ??= limit;
  }
  return Object.keys(filled).length === Object.keys(requests).length
    ? resources
    : { ...resources, requests: filled };
}

function asPod(spec: PodSpec): Pod {
  return { apiVersion: "v1", kind: "Pod", metadata: {}, spec };
}

/** One address beside a list of addresses: the first of the list is the one. */
function normalizePodAddresses(status: PodStatus): PodStatus {
  let normal = status;
  const podIp = status.podIP || status.podIPs?.[0]?.ip;
  if (podIp && (status.podIP !== podIp || status.podIPs?.[0]?.ip !== podIp))
    normal = {
      ...normal,
      podIP: podIp,
      podIPs: status.podIPs?.[0]?.ip === podIp ? status.podIPs : [{ ip: podIp }],
    };
  return normal;
}
