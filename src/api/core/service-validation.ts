/** Services (upstream's `ValidateServiceCreate` and its update forms). */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabels } from "../../apimachinery/labels.ts";
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import {
  cidrErrors,
  endpointIpErrors,
  ipErrors,
  isDualStack,
  isIpv6,
  parseIpSloppily,
} from "../../apimachinery/validation-ip.ts";
import { inGoForm } from "../go-form.ts";
import { protocols } from "./container-validation.ts";
import { portErrors } from "./probe-validation.ts";
import { internalPolicies, isExternallyAccessible } from "./service-defaults.ts";
import { needsHealthCheckPort } from "./service-strategy.ts";
import type { Service, ServicePort, ServiceSpec } from "./types.generated.ts";

type Errors = readonly FieldError[];

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const maxAffinitySeconds = 86_400;

/** A service without an address: its name stands for its endpoints. */
function isHeadless({ clusterIPs = [] }: ServiceSpec): boolean {
  return clusterIPs.length === 1 && clusterIPs[0] === "None";
}

export function validateService(service: Service, old?: Service): Errors {
  const { spec } = service;
  return [
    ...topologyErrors(service),
    ...(needsPorts(spec) && (spec.ports ?? []).length === 0 ? [field.required("spec.ports")] : []),
    ...typeErrors(spec),
    ...validatePorts(spec),
    ...validateLabels("spec.selector", spec.selector),
    ...validateAffinity(spec),
    ...validateClusterIpFields(spec, old?.spec),
    ...validateExternalIps(spec, old?.spec),
    ...field.oneOf("spec.type", spec.type, types, { required: true }),
    ...validatePortsTogether(spec),
    ...validateLoadBalancer(service, old),
    ...validateTrafficPolicies(spec),
  ];
}

const topologyMode = "service.kubernetes.io/topology-mode";
const topologyHints = "service.kubernetes.io/topology-aware-hints";

/** The annotation has two names, which say the same. */
function topologyErrors({ metadata: { annotations = {} } }: Service): Errors {
  const [mode, hints] = [annotations[topologyMode], annotations[topologyHints]];
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const detail = `must match annotations[${topologyHints}] when both are specified`;
  return [field.invalid(field.at("metadata.annotations", topologyMode), mode, detail)];
}

function needsPorts(spec: ServiceSpec): boolean {
  return !isHeadless(spec) && spec.type !== "ExternalName";
}

function typeErrors(spec: ServiceSpec): Errors {
  const { type, clusterIPs = [], ipFamilies = [], ipFamilyPolicy, externalName = "" } = spec;
  if ((type === "LoadBalancer" || type === "NodePort") && isHeadless(spec))
    return [
      field.invalid("spec.clusterIPs[0]", clusterIPs[0], `may not be set to 'None' for ${type} services`),
    ];
  if (type !== "ExternalName") return [];
  const detail = "may not be set for ExternalName services";
  const errors: FieldError[] = [];
  if (clusterIPs.length > 0) errors.push(field.forbidden("spec.clusterIPs", detail));
  if (ipFamilies.length > 0) errors.push(field.forbidden("spec.ipFamilies", detail));
  if (ipFamilyPolicy !== undefined) errors.push(field.forbidden("spec.ipFamilyPolicy", detail));
  const name = externalName.endsWith(".") ? externalName.slice(0, -1) : externalName;
  if (name === "") errors.push(field.required("spec.externalName"));
  else errors.push(...field.invalidEach("spec.externalName", name, dns1123Subdomain(name)));
  return errors;
}

function validatePorts(spec: ServiceSpec): Errors {
  const { ports = [] } = spec;
  const names = new Set<string>();
  return field.each("spec.ports", ports, (port, at) => validatePort(at, port, ports.length > 1, names));
}

function validatePortsTogether({ ports = [], type }: ServiceSpec): Errors {
  return [
    ...field.each("spec.ports", ports, ({ nodePort = 0 }, at) =>
      type === "ClusterIP" && nodePort !== 0
        ? [field.forbidden(field.child(at, "nodePort"), "may not be used when `type` is 'ClusterIP'")]
        : [],
    ),
    ...field.unique(
      ports,
      ({ nodePort, protocol }) => (nodePort ? `${nodePort}/${protocol}` : undefined),
      (index, { nodePort }) => field.duplicate(`spec.ports[${index}].nodePort`, nodePort),
    ),
    ...field.unique(
      ports,
      ({ port, protocol }) => `${port}/${protocol}`,
      (index, { port, protocol }) =>
        // As Go writes what it compares by: a port with nothing but these two.
        field.duplicate(`spec.ports[${index}]`, inGoForm("ServicePort", { port, protocol })),
    ),
  ];
}

function validatePort(path: string, port: ServicePort, needsName: boolean, names: Set<string>): Errors {
  const { name = "", protocol, targetPort, appProtocol } = port;
  const namePath = field.child(path, "name");
  const errors: FieldError[] = [];
  if (name === "") {
    if (needsName) errors.push(field.required(namePath));
  } else {
    errors.push(...field.invalidEach(namePath, name, dns1123Label(name)));
    if (names.has(name)) errors.push(field.duplicate(namePath, name));
    names.add(name);
  }
  errors.push(...field.invalidEach(field.child(path, "port"), port.port ?? 0, portNumber(port.port ?? 0)));
  errors.push(...field.oneOf(field.child(path, "protocol"), protocol, protocols, { required: true }));
  errors.push(...portErrors(field.child(path, "targetPort"), targetPort));
  if (appProtocol !== undefined)
    errors.push(
      ...field.invalidEach(field.child(path, "appProtocol"), appProtocol, qualifiedName(appProtocol)),
    );
  return errors;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): Errors {
  const errors = [
    ...field.oneOf("spec.sessionAffinity", sessionAffinity, ["ClientIP", "None"], { required: true }),
  ];
  const path = "spec.sessionAffinityConfig";
  if (sessionAffinity === "None" && sessionAffinityConfig !== undefined)
    errors.push(field.forbidden(path, "must not be set when session affinity is None"));
  if (sessionAffinity !== "ClientIP") return errors;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const missing =
    sessionAffinityConfig === undefined
      ? path
      : sessionAffinityConfig.clientIP === undefined
        ? `${path}.clientIP`
        : `${path}.clientIP.timeoutSeconds`;
  if (seconds === undefined)
    return [...errors, field.required(missing, "when session affinity type is ClientIP")];
  if (seconds <= 0 || seconds > maxAffinitySeconds) {
    const detail = `must be greater than 0 and less than ${maxAffinitySeconds}`;
    errors.push(field.invalid(`${path}.clientIP.timeoutSeconds`, seconds, detail));
  }
  return errors;
}

const families = ["IPv4", "IPv6"];
const familyPolicies = ["PreferDualStack", "RequireDualStack", "SingleStack"];

/** Addresses, families and their policy (upstream's `ValidateServiceClusterIPsRelatedFields`). */
export function validateClusterIpFields(spec: ServiceSpec, old?: ServiceSpec): Errors {
  if (spec.type === "ExternalName") return [];
  const { clusterIP = "", clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  const path = "spec.clusterIPs";
  const errors: FieldError[] = [];
  if (clusterIP === "" && clusterIPs.length > 0)
    errors.push(field.invalid(path, clusterIPs, "must be empty when `clusterIP` is not specified"));
  if (clusterIP !== "" && clusterIPs.length === 0) errors.push(field.required(path));
  else if (clusterIP !== "" && clusterIPs[0] !== clusterIP)
    errors.push(field.invalid(path, clusterIPs, "first value must match `clusterIP`"));
  errors.push(
    ...field.each("spec.ipFamilies", ipFamilies, (family, at, index) => [
      ...(families.includes(family) ? [] : [field.notSupported(at, family, families)]),
      ...(ipFamilies.indexOf(family) < index ? [field.duplicate(at, family)] : []),
    ]),
  );
  errors.push(...field.oneOf("spec.ipFamilyPolicy", ipFamilyPolicy, familyPolicies));
  const addresses = clusterIPs.flatMap((address, index) => {
    if (index === 0 && address === "None")
      return clusterIPs.length > 1
        ? [field.invalid(path, clusterIPs, "'None' must be the first and only value")]
        : [];
    return [...ipErrors(field.at(path, index), address, old?.clusterIPs)];
  });
  errors.push(...addresses);
  if (clusterIPs.length > 2) errors.push(field.invalid(path, clusterIPs, "may only hold up to 2 values"));
  // What is wrong with single addresses would only be said again by what follows.
  if (addresses.length > 0) return errors;
  if (clusterIPs.length > 1 && !isDualStack(clusterIPs))
    errors.push(field.invalid(path, clusterIPs, "may specify no more than one IP for each IP family"));
  if (!isHeadless(spec))
    clusterIPs.slice(0, ipFamilies.length).forEach((address, index) => {
      const actual = isIpv6(address) ? "IPv6" : "IPv4";
      const family = ipFamilies[index] ?? "";
      if (family === actual || !families.includes(family)) return;
      const detail = `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
      errors.push(field.invalid(field.at(path, index), address, detail));
    });
  return errors;
}

function validateExternalIps({ externalIPs }: ServiceSpec, old: ServiceSpec | undefined): Errors {
  return field.each("spec.externalIPs", externalIPs, (address, at) => {
    const errors = ipErrors(at, address, old?.externalIPs);
    return errors.length > 0 ? errors : endpointIpErrors(at, address);
  });
}

function validateLoadBalancer({ metadata, spec }: Service, old: Service | undefined): Errors {
  const { type, loadBalancerSourceRanges = [], allocateLoadBalancerNodePorts } = spec;
  const isBalanced = type === "LoadBalancer";
  const onlyThere = "may only be used when `type` is 'LoadBalancer'";
  const errors: FieldError[] = [];
  // Upstream's spelling of the path.
  const rangesPath = "spec.LoadBalancerSourceRanges";
  if (loadBalancerSourceRanges.length > 0 && !isBalanced) errors.push(field.forbidden(rangesPath, onlyThere));
  const before = (old?.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim());
  errors.push(
    ...field.each(rangesPath, loadBalancerSourceRanges, (range, at) => cidrErrors(at, range.trim(), before)),
  );
  if (loadBalancerSourceRanges.length === 0)
    errors.push(
      ...annotatedRangeErrors(
        metadata.annotations?.[rangesAnnotation],
        old?.metadata.annotations?.[rangesAnnotation],
        isBalanced,
      ),
    );
  if (allocateLoadBalancerNodePorts !== undefined && !isBalanced)
    errors.push(field.forbidden("spec.allocateLoadBalancerNodePorts", onlyThere));
  if (allocateLoadBalancerNodePorts === undefined && isBalanced)
    errors.push(field.required("allocateLoadBalancerNodePorts"));
  return [...errors, ...loadBalancerClassErrors(spec)];
}

function loadBalancerClassErrors({ type, loadBalancerClass: name }: ServiceSpec): Errors {
  if (name === undefined) return [];
  const path = "spec.loadBalancerClass";
  return type === "LoadBalancer"
    ? field.invalidEach(path, name, qualifiedName(name))
    : [field.forbidden(path, "may only be used when `type` is 'LoadBalancer'")];
}

const rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";

/** The same ranges where they stood before there was a field for them. */
function annotatedRangeErrors(
  ranges: string | undefined,
  old: string | undefined,
  isBalanced: boolean,
): Errors {
  if (ranges === undefined) return [];
  const path = field.at("metadata.annotations", rangesAnnotation);
  return [
    ...(isBalanced ? [] : [field.forbidden(path, "may only be used when `type` is 'LoadBalancer'")]),
    ...(ranges.trim() === "" || ranges === old
      ? []
      : ranges.split(",").flatMap((range) => cidrErrors(path, range.trim()))),
  ];
}

function validateTrafficPolicies(spec: ServiceSpec): Errors {
  const { externalTrafficPolicy, internalTrafficPolicy, healthCheckNodePort = 0, trafficDistribution } = spec;
  const errors: FieldError[] = [];
  if (isExternallyAccessible(spec))
    errors.push(
      ...field.oneOf("spec.externalTrafficPolicy", externalTrafficPolicy, ["Cluster", "Local"], {
        required: true,
      }),
    );
  else if (externalTrafficPolicy)
    errors.push(
      field.invalid(
        "spec.externalTrafficPolicy",
        externalTrafficPolicy,
        "may only be set for externally-accessible services",
      ),
    );
  const healthPath = "spec.healthCheckNodePort";
  if (needsHealthCheckPort(spec)) {
    if (healthCheckNodePort === 0) errors.push(field.required(healthPath));
    else errors.push(...field.invalidEach(healthPath, healthCheckNodePort, portNumber(healthCheckNodePort)));
  } else if (healthCheckNodePort !== 0)
    errors.push(
      field.invalid(
        healthPath,
        healthCheckNodePort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  errors.push(
    ...field.oneOf("spec.internalTrafficPolicy", internalTrafficPolicy, internalPolicies, {
      required: spec.type === "ExternalName" ? false : "present",
    }),
  );
  if (trafficDistribution !== undefined)
    errors.push(
      ...field.oneOf("spec.trafficDistribution", trafficDistribution, [
        "PreferClose",
        "PreferSameZone",
        "PreferSameNode",
      ]),
    );
  return errors;
}

/** Addresses and families stay, except for a second one that comes or goes. */
export function validateServiceUpdate(service: Service, old: Service): Errors {
  const { spec } = service;
  const errors: FieldError[] = [];
  const isNamed = spec.type === "ExternalName" || old.spec.type === "ExternalName";
  if (!isNamed && !(isHeadless(spec) && isHeadless(old.spec)))
    errors.push(...stackChangeErrors("clusterIPs", "clusterIP", spec, old.spec));
  if (!isNamed && !isHeadless(spec) && !isHeadless(old.spec))
    errors.push(...stackChangeErrors("ipFamilies", "ipFamily", spec, old.spec));
  if (spec.type === "LoadBalancer" && old.spec.type === "LoadBalancer")
    if (spec.loadBalancerClass !== old.spec.loadBalancerClass)
      errors.push(field.invalid("spec.loadBalancerClass", spec.loadBalancerClass, "may not change once set"));
  errors.push(...loadBalancerClassErrors(spec));
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(old.spec))
    if (spec.healthCheckNodePort !== old.spec.healthCheckNodePort)
      errors.push(field.forbidden("spec.healthCheckNodePort", field.immutableMessage));
  return [...errors, ...validateService(service, old)];
}

function stackChangeErrors(
  name: "clusterIPs" | "ipFamilies",
  singular: string,
  spec: ServiceSpec,
  old: ServiceSpec,
): Errors {
  const after = spec[name] ?? [];
  const before = old[name] ?? [];
  const path = field.child("spec", name);
  const changed = (index: number) => field.invalid(field.at(path, index), after, "may not change once set");
  if (after.length === before.length)
    return before.flatMap((value, index) =>
      value === after[index] ? [] : [changed(name === "clusterIPs" ? index : 0)],
    );
  const errors: FieldError[] = [];
  if (after.length === 0)
    errors.push(field.invalid(field.at(path, 0), after, `primary ${singular} can not be unset`));
  else if (before.length > 0 && after[0] !== before[0]) errors.push(changed(0));
  if (after.length === 1 && before.length > 1 && spec.ipFamilyPolicy !== "SingleStack")
    errors.push(
      field.invalid(
        "spec.ipFamilyPolicy",
        spec.ipFamilyPolicy,
        `must be set to 'SingleStack' when releasing the secondary ${singular}`,
      ),
    );
  return errors;
}

export function validateServiceStatusUpdate({ spec, status }: Service, old: Service): Errors {
  const ingress = status?.loadBalancer?.ingress;
  const path = "status.loadBalancer.ingress";
  if (spec.type !== "LoadBalancer" && (ingress ?? []).length > 0)
    return [field.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  const before = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip || []);
  return field.each(path, ingress, ({ ip = "", ipMode, hostname = "" }, at) => {
    const errors: FieldError[] = ip === "" ? [] : [...ipErrors(field.child(at, "ip"), ip, before)];
    const modePath = field.child(at, "ipMode");
    if (ipMode === undefined) {
      if (ip !== "") errors.push(field.required(modePath, "must be specified when `ip` is set"));
    } else if (ip === "") errors.push(field.forbidden(modePath, "may not be specified when `ip` is not set"));
    else errors.push(...field.oneOf(modePath, ipMode, ["Proxy", "VIP"]));
    if (hostname !== "") {
      const hostPath = field.child(at, "hostname");
      errors.push(...field.invalidEach(hostPath, hostname, dns1123Subdomain(hostname)));
      if (parseIpSloppily(hostname) !== undefined)
        errors.push(field.invalid(hostPath, hostname, "must be a DNS name, not an IP address"));
    }
    return errors;
  });
}
