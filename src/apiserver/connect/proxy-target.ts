import { badRequest, serviceUnavailable } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { dns1123Subdomain } from "../../apimachinery/names.ts";
import type { Random } from "../../base/random.ts";
import { randomBelow } from "../../base/random.ts";
import type { Backend } from "./backend.ts";

/** `[scheme:]name[:port]`, as the name of a pod or service to proxy to may be written. */
export interface ProxyName {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** "" when none is given; a number or a port's name. */
  readonly port: string;
}

/** Throws 400. */
export function parseProxyName(text: string, kind: string): ProxyName {
  const parts = text.split(":");
  const [first = "", second = "", third] = parts;
  if (parts.length === 1) return checked({ scheme: "http", name: first, port: "" });
  if (parts.length === 2) return checked({ scheme: "http", name: first, port: second });
  if (parts.length === 3 && (first === "http" || first === "https" || first === ""))
    return checked({ scheme: first === "https" ? "https" : "http", name: second, port: third ?? "" });
  throw invalidName();

  function checked(name: ProxyName): ProxyName {
    if (dns1123Subdomain(name.name).length > 0) throw invalidName();
    return name;
  }
  function invalidName() {
    return badRequest(`invalid ${kind} request ${JSON.stringify(text)}`);
  }
}

/** Where a pod answers: its address, at the port named or its first declared one. Throws 400. */
export function podBackend(pod: AnyObject, { scheme, port }: ProxyName): Backend {
  const { podIP = "" } = (pod.status ?? {}) as { podIP?: string }; // a Pod as the registry keeps it
  if (podIP === "") throw badRequest("address not allowed");
  const { containers = [] } = (pod.spec ?? {}) as { containers?: readonly PortHolder[] };
  const declared = containers.flatMap(({ ports = [] }) => ports);
  const number =
    port === ""
      ? (declared[0]?.containerPort ?? (scheme === "https" ? 443 : 80))
      : Number(declared.find(({ name }) => name === port)?.containerPort ?? port);
  if (!Number.isInteger(number) || number < 1 || number > 65535)
    throw badRequest(`invalid pod request: port ${JSON.stringify(port)}`);
  return { scheme, host: podIP, port: number, identity: "none" };
}

interface PortHolder {
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}

interface ServicePort {
  readonly name?: string;
  readonly port: number;
}
interface Slice {
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean };
  }[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[];
}

/** One of the ready endpoints of a service's port. Throws 503 where there is none. */
export function serviceBackend(
  service: AnyObject,
  slices: readonly AnyObject[],
  { scheme, port }: ProxyName,
  random: Random,
): Backend {
  const name = service.metadata.name ?? "";
  const { ports = [] } = (service.spec ?? {}) as { ports?: readonly ServicePort[] }; // a Service as the registry keeps it
  const chosen =
    port === "" && ports.length === 1
      ? ports[0]
      : ports.find((candidate) => (candidate.name ?? "") === port || String(candidate.port) === port);
  if (chosen === undefined)
    throw serviceUnavailable(
      `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`,
    );
  const portName = chosen.name ?? "";
  const candidates = slices.flatMap((slice) => {
    const { endpoints = [], ports: targets = [] } = slice as unknown as Slice; // EndpointSlices of that service
    const target = targets.find((candidate) => (candidate.name ?? "") === portName)?.port;
    if (target === undefined) return [];
    return endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.map((host) => ({ host, port: target })));
  });
  const backend = candidates[randomBelow(random, candidates.length)];
  if (backend === undefined)
    throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return { scheme, ...backend, identity: "none" };
}
