import type { Service } from "../api/core/types.generated.ts";
import type { EndpointSlice } from "../api/discovery/types.generated.ts";
import { type ClusterQuestion, parseClusterName, parseReverseName } from "./names.ts";

export type RecordType = "A" | "AAAA" | "SRV" | "TXT" | "CNAME" | "PTR" | "SOA";

export interface DnsRecord {
  readonly name: string;
  readonly type: RecordType;
  readonly ttlSeconds: number;
  /** An address, a name, the text, or an SRV or SOA record's parts. */
  readonly data: string | SrvData | SoaData;
}

export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface SoaData {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

export type DnsAnswer =
  | {
      readonly code: "NOERROR" | "NXDOMAIN";
      readonly answers: readonly DnsRecord[];
      /** The zone's SOA where there is no answer: how long absence may be cached. */
      readonly authority: readonly DnsRecord[];
      /** Addresses of SRV targets. */
      readonly additional: readonly DnsRecord[];
      /** A CNAME that leads out of the cluster: its target is to be asked elsewhere. */
      readonly follow?: string;
    }
  /** Not the cluster's name: ask the upstream servers. */
  | { readonly code: "FORWARD" };

/** What the answers are made from, looked up by key. */
export interface ClusterRecords {
  /** By "namespace/name". */
  service(key: string): Service | undefined;
  slicesOf(serviceKey: string): readonly EndpointSlice[];
  namespaceExists(namespace: string): boolean;
  serviceByIp(ip: string): Service | undefined;
  slicesByIp(ip: string): readonly EndpointSlice[];
  readonly clusterDomain: string;
}

const ttlSeconds = 30;
const absenceTtlSeconds = 5;
const dnsSchemaVersion = "1.1.0";

/** Answers one question, from the services and endpoints as they are (the Kubernetes DNS specification). */
export function resolve(name: string, type: string, records: ClusterRecords): DnsAnswer {
  const lower = name.toLowerCase().replace(/\.$/, "");
  const reverse = parseReverseName(lower);
  if (reverse !== undefined) return resolveReverse(name, reverse, type, records);
  const question = parseClusterName(lower, records.clusterDomain);
  if (question === undefined) return { code: "FORWARD" };
  const found = lookUp(name, question, type, records);
  if (found === undefined)
    return { code: "NXDOMAIN", answers: [], authority: [soa(records)], additional: [] };
  const { answers, additional = [], follow } = found;
  const authority = answers.length === 0 ? [soa(records)] : [];
  return { code: "NOERROR", answers, authority, additional, ...(follow === undefined ? {} : { follow }) };
}

interface Found {
  readonly answers: readonly DnsRecord[];
  readonly additional?: readonly DnsRecord[];
  readonly follow?: string;
}

/** Undefined: no such name. No answers: the name exists, but not with that type. */
function lookUp(
  name: string,
  question: ClusterQuestion,
  type: string,
  records: ClusterRecords,
): Found | undefined {
  switch (question.kind) {
    case "version":
      return { answers: type === "TXT" ? [{ name, type: "TXT", ttlSeconds, data: dnsSchemaVersion }] : [] };
    case "container":
      return question.namespace === undefined || records.namespaceExists(question.namespace)
        ? { answers: [] }
        : undefined;
    case "pod":
      return records.namespaceExists(question.namespace)
        ? { answers: addresses(name, [question.ip], type) }
        : undefined;
    case "unknown":
      return undefined;
    default:
      return lookUpService(name, question, type, records);
  }
}

type ServiceQuestion = Extract<ClusterQuestion, { kind: "service" | "endpoint" | "port" }>;

function lookUpService(
  name: string,
  question: ServiceQuestion,
  type: string,
  records: ClusterRecords,
): Found | undefined {
  const key = `${question.namespace}/${question.service}`;
  const service = records.service(key);
  if (service === undefined) return undefined;
  const { spec } = service;
  if (spec.type === "ExternalName") {
    if (question.kind !== "service" || spec.externalName === undefined) return undefined;
    const target = spec.externalName.replace(/\.$/, "");
    return { answers: [{ name, type: "CNAME", ttlSeconds, data: target }], follow: target };
  }
  const isHeadless = spec.clusterIP === "None";
  const base = `${question.service}.${question.namespace}.svc.${records.clusterDomain}`;
  if (question.kind === "port") {
    const answers = isHeadless
      ? headlessSrv(name, question, base, service, records)
      : clusterSrv(name, question, base, service);
    return answers.answers.length === 0 ? undefined : type === "SRV" ? answers : { answers: [] };
  }
  if (!isHeadless) {
    if (question.kind === "endpoint") {
      // Hostnames exist below services with an address too, but only when an endpoint has that name.
      return endpointAnswer(name, question.host, type, service, records);
    }
    if (type === "SRV") return srvOfAllPorts(name, base, service);
    return { answers: addresses(name, spec.clusterIPs ?? [spec.clusterIP ?? ""], type) };
  }
  if (question.kind === "endpoint") return endpointAnswer(name, question.host, type, service, records);
  const endpoints = endpointsOf(service, records);
  if (endpoints.length === 0) return undefined;
  if (type === "SRV") return headlessSrv(name, undefined, base, service, records);
  return { answers: addresses(name, [...new Set(endpoints.map(({ ip }) => ip))], type) };
}

interface EndpointHost {
  readonly ip: string;
  /** Its own label below the service: the pod's hostname, else its address with dashes. */
  readonly host: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
}

function endpointsOf(service: Service, records: ClusterRecords): EndpointHost[] {
  const key = `${service.metadata.namespace}/${service.metadata.name}`;
  const publishAll = service.spec.publishNotReadyAddresses === true;
  return records.slicesOf(key).flatMap((slice) => {
    const ports = (slice.ports ?? []).map(({ name = "", port = 0, protocol = "TCP" }) => ({
      name,
      port,
      protocol,
    }));
    return (slice.endpoints ?? [])
      .filter(({ conditions }) => publishAll || conditions?.ready !== false)
      .flatMap(({ addresses: ips, hostname }) =>
        ips.map((ip) => ({ ip, host: hostname ?? dashed(ip), ports })),
      );
  });
}

function endpointAnswer(
  name: string,
  host: string,
  type: string,
  service: Service,
  records: ClusterRecords,
): Found | undefined {
  const matching = endpointsOf(service, records).filter(
    (endpoint) => endpoint.host === host || dashed(endpoint.ip) === host,
  );
  if (matching.length === 0) return undefined;
  return { answers: addresses(name, [...new Set(matching.map(({ ip }) => ip))], type) };
}

function clusterSrv(
  name: string,
  question: { readonly port: string; readonly protocol: string },
  base: string,
  service: Service,
): Found {
  const ports = (service.spec.ports ?? []).filter(
    (port) => port.name === question.port && (port.protocol ?? "TCP").toLowerCase() === question.protocol,
  );
  return {
    answers: ports.map(({ port }) => srv(name, port, base)),
    additional: bothFamilies(base, service.spec.clusterIPs ?? []),
  };
}

function srvOfAllPorts(name: string, base: string, service: Service): Found {
  return {
    answers: (service.spec.ports ?? []).map(({ port }) => srv(name, port, base)),
    additional: bothFamilies(base, service.spec.clusterIPs ?? []),
  };
}

function headlessSrv(
  name: string,
  question: { readonly port: string; readonly protocol: string } | undefined,
  base: string,
  service: Service,
  records: ClusterRecords,
): Found {
  const answers: DnsRecord[] = [];
  const additional: DnsRecord[] = [];
  for (const { ip, host, ports } of endpointsOf(service, records)) {
    for (const port of ports) {
      if (
        question !== undefined &&
        (port.name !== question.port || port.protocol.toLowerCase() !== question.protocol)
      )
        continue;
      answers.push(srv(name, port.port, `${host}.${base}`));
      additional.push(...bothFamilies(`${host}.${base}`, [ip]));
    }
  }
  return { answers, additional };
}

function srv(name: string, port: number, target: string): DnsRecord {
  return { name, type: "SRV", ttlSeconds, data: { priority: 0, weight: 100, port, target } };
}

function resolveReverse(name: string, ip: string, type: string, records: ClusterRecords): DnsAnswer {
  const { clusterDomain } = records;
  const targets: string[] = [];
  const service = records.serviceByIp(ip);
  if (service !== undefined)
    targets.push(`${service.metadata.name}.${service.metadata.namespace}.svc.${clusterDomain}`);
  else {
    for (const slice of records.slicesByIp(ip)) {
      const serviceName = slice.metadata.labels?.["kubernetes.io/service-name"];
      for (const { addresses: ips, hostname } of slice.endpoints ?? []) {
        if (!ips.includes(ip) || serviceName === undefined) continue;
        targets.push(
          `${hostname ?? dashed(ip)}.${serviceName}.${slice.metadata.namespace}.svc.${clusterDomain}`,
        );
      }
    }
  }
  if (targets.length === 0) return { code: "FORWARD" };
  const answers =
    type === "PTR" ? targets.map((data): DnsRecord => ({ name, type: "PTR", ttlSeconds, data })) : [];
  return { code: "NOERROR", answers, authority: [], additional: [] };
}

function addresses(name: string, ips: readonly string[], type: string): DnsRecord[] {
  return bothFamilies(name, ips).filter((record) => record.type === type);
}

function bothFamilies(name: string, ips: readonly string[]): DnsRecord[] {
  return ips
    .filter((ip) => ip !== "" && ip !== "None")
    .map((ip) => ({ name, type: ip.includes(":") ? "AAAA" : "A", ttlSeconds, data: ip }));
}

function dashed(ip: string): string {
  return ip.replaceAll(/[.:]/g, "-");
}

function soa({ clusterDomain }: ClusterRecords): DnsRecord {
  const data: SoaData = {
    mname: `ns.dns.${clusterDomain}`,
    rname: `hostmaster.${clusterDomain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: absenceTtlSeconds,
  };
  return { name: clusterDomain, type: "SOA", ttlSeconds: absenceTtlSeconds, data };
}
