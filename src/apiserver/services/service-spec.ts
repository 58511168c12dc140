import type { AnyObject } from "../../apimachinery/meta.ts";
import type { IpFamily } from "./address-range.ts";

/** The parts of a Service that allocation reads and writes. */
export interface ServiceSpec {
  readonly type?: string;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ipFamilies?: readonly IpFamily[];
  readonly ipFamilyPolicy?: string;
  readonly ports?: readonly ServicePort[];
  readonly selector?: Readonly<Record<string, string>>;
  readonly allocateLoadBalancerNodePorts?: boolean;
  readonly externalTrafficPolicy?: string;
  readonly healthCheckNodePort?: number;
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly nodePort?: number;
}

export function serviceSpecOf(service: AnyObject): ServiceSpec {
  return (service.spec ?? {}) as ServiceSpec; // a Service whose shape was checked on input
}

export function withServiceSpec(service: AnyObject, spec: ServiceSpec): AnyObject {
  return { ...service, spec };
}

/** Its cluster IPs, without the "None" of a headless one. */
export function clusterIpsOf({ clusterIP = "", clusterIPs = [] }: ServiceSpec): readonly string[] {
  const all = clusterIPs.length > 0 ? clusterIPs : [clusterIP];
  return all.filter((address) => address !== "" && address !== "None");
}

export function nodePortsOf({ ports = [], healthCheckNodePort = 0 }: ServiceSpec): readonly number[] {
  return [...ports.map(({ nodePort = 0 }) => nodePort), healthCheckNodePort].filter((port) => port > 0);
}

export function needsClusterIp({ type, clusterIP }: ServiceSpec): boolean {
  return type !== "ExternalName" && clusterIP !== "None";
}

export function needsNodePorts(spec: ServiceSpec): boolean {
  if (spec.type === "NodePort") return true;
  return spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false;
}

export function needsHealthCheckNodePort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === "LoadBalancer" && externalTrafficPolicy === "Local";
}
