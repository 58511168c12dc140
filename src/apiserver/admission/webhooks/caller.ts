import type { WebhookClientConfig } from "../../../api/admissionregistration/types.generated.ts";
import type { Service } from "../../../api/core/types.generated.ts";
import { services } from "../../../api/resources.generated.ts";
import type { InformerFactory } from "../../../client/informer.ts";

/** Where a webhook is reached. */
export interface WebhookTarget {
  /** As messages and the Host header name it. */
  readonly url: string;
  /** Where to connect, if not to the URL's host: a service's cluster IP. */
  readonly connect?: { readonly host: string; readonly port: number };
  /** For the TLS handshake. */
  readonly serverName: string;
  /** PEM; absent: the system's authorities. */
  readonly certificateAuthority?: string;
  /** As whom it is asked; absent: nobody in particular. */
  readonly client?: WebhookClient;
}

export interface WebhookClient {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** As whom to ask a webhook at "host:port"; of a service "name.namespace.svc:port". */
export type WebhookCredentials = (hostPort: string) => Promise<WebhookClient>;

/** Sends a review and reads the answer's JSON: the edge implements it. Rejects with the reason alone. */
export interface WebhookTransport {
  post(
    target: WebhookTarget,
    body: object,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<unknown>;
}

/** The address as messages name it. Throws an Error for a configuration that names none. */
export function urlOf({ service, url }: WebhookClientConfig): string {
  if (service === undefined) {
    if (url === undefined) throw new Error("webhook configuration must have either service or URL");
    return url;
  }
  const path = service.path ?? "/";
  const host = `${service.name}.${service.namespace}.svc:${service.port ?? 443}`;
  return `https://${host}${path.startsWith("/") ? path : `/${path}`}`;
}

/** Host and port of an address, by which credentials are found. */
export function hostPortOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === "" ? 443 : port}`;
}

/** Throws an Error for a configuration that leads nowhere. */
export function targetOf(config: WebhookClientConfig, informers: InformerFactory): WebhookTarget {
  return targetAmong(config, (namespace, name) =>
    informers.informer(services).lister.get(`${namespace}/${name}`),
  );
}

/** As `targetOf`, with services found elsewhere. */
export function targetAmong(
  config: WebhookClientConfig,
  find: (namespace: string, name: string) => Service | undefined,
): WebhookTarget {
  const url = urlOf(config);
  const authority =
    config.caBundle === undefined || config.caBundle === ""
      ? {}
      : { certificateAuthority: atob(config.caBundle) };
  const { service } = config;
  const serverName = new URL(url).hostname;
  if (service === undefined) return { url, serverName, ...authority };
  const port = service.port ?? 443;
  const host = clusterIpOf(find(service.namespace, service.name), service.name, port);
  return { url, connect: { host, port }, serverName, ...authority };
}

function clusterIpOf(found: Service | undefined, name: string, port: number): string {
  if (found === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
  const { type, clusterIP = "", externalName = "", ports = [] } = found.spec ?? {};
  if (type === "ExternalName") return externalName;
  if (clusterIP === "" || clusterIP === "None")
    throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
  if (!ports.some((candidate) => candidate.port === port))
    throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return clusterIP;
}
