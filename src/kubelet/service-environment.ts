import type { Service } from "../api/core/types.generated.ts";

/**
 * The variables that tell a container of the services of its namespace, and of the API server: REDIS_SERVICE_HOST,
 * REDIS_SERVICE_PORT and the older Docker-link forms. `kubernetes` of the master namespace is always among them.
 */
export function serviceEnvironment(
  services: readonly Service[],
  namespace: string,
  enableServiceLinks: boolean,
): Record<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { name = "", namespace: home = "" } = service.metadata;
    const { clusterIP } = service.spec;
    if (clusterIP === undefined || clusterIP === "" || clusterIP === "None") continue;
    const isMaster = home === "default" && name === "kubernetes";
    if (isMaster && !chosen.has(name)) chosen.set(name, service);
    else if (home === namespace && enableServiceLinks) chosen.set(name, service);
  }
  const variables: Record<string, string> = {};
  for (const service of chosen.values()) Object.assign(variables, variablesOf(service));
  return variables;
}

function variablesOf(service: Service): Record<string, string> {
  const prefix = variableName(service.metadata.name ?? "");
  const { clusterIP = "", ports = [] } = service.spec;
  const [first] = ports;
  if (first === undefined) return {};
  const host = clusterIP.includes(":") ? `[${clusterIP}]` : clusterIP;
  const variables: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: clusterIP,
    [`${prefix}_SERVICE_PORT`]: String(first.port),
  };
  for (const { name, port } of ports) {
    if (name !== undefined && name !== "")
      variables[`${prefix}_SERVICE_PORT_${variableName(name)}`] = String(port);
  }
  for (const { port, protocol = "TCP" } of ports) {
    const scheme = protocol.toLowerCase();
    const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    const url = `${scheme}://${host}:${port}`;
    if (port === first.port && protocol === (first.protocol ?? "TCP")) variables[`${prefix}_PORT`] = url;
    variables[link] = url;
    variables[`${link}_PROTO`] = scheme;
    variables[`${link}_PORT`] = String(port);
    variables[`${link}_ADDR`] = clusterIP;
  }
  return variables;
}

const variableName = (name: string) => name.replaceAll("-", "_").toUpperCase();
