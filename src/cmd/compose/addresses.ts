import { keySetPath } from "../../apiserver/virtual/issuer-documents.ts";
import type { AuthOptions } from "./auth-options.ts";
import type { OperationOptions } from "./operation-options.ts";

interface Addressed {
  readonly externalUrl: string;
  readonly endpoint?: { readonly address: string; readonly port: number };
  readonly auth?: Pick<AuthOptions, "jwksUri">;
  readonly operation?: Pick<OperationOptions, "externalHostname">;
}

export const portOf = (url: string) => Number(new URL(url).port || 443);

/** "host:port" as others reach it: what an administrator calls it, with the port it listens on unless another is said. */
export function externalAddressOf({ externalUrl, operation }: Addressed): string {
  const { externalHostname: name } = operation ?? {};
  if (name === undefined) return new URL(externalUrl).host;
  if (/^(?:[^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(name)) return name;
  return `${name.includes(":") ? `[${name}]` : name}:${portOf(externalUrl)}`;
}

/** Where others, pods too, find the keys of service account tokens: a loopback address would be a pod's own. */
export function jwksUriOf(options: Addressed): string {
  const { auth, endpoint, operation } = options;
  if (auth?.jwksUri !== undefined) return auth.jwksUri;
  const isSaid = operation?.externalHostname !== undefined || endpoint === undefined;
  return `https://${isSaid ? externalAddressOf(options) : `${endpoint.address}:${endpoint.port}`}${keySetPath}`;
}
