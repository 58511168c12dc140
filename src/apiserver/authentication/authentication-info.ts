import type { ConfigMap } from "../../api/core/types.generated.ts";
import { configMaps } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { Client } from "../../client/client.ts";
import type { RemoteHeaders } from "./create-authenticator.ts";

/** How this server knows its clients, for extension API servers that have to know them too. */
export interface AuthenticationInfo {
  /** PEM of the authorities of client certificates. */
  readonly clientAuthority: string;
  /** PEM of the front proxy's authority, and the names it signs for. */
  readonly frontProxyAuthority: string;
  readonly frontProxyNames: readonly string[];
  readonly remoteHeaders: RemoteHeaders;
}

const target = { namespace: "kube-system", name: "extension-apiserver-authentication" };

function authenticationConfigMap(info: AuthenticationInfo): ConfigMap {
  const { username, uid, group, extraPrefix } = info.remoteHeaders;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: target,
    data: {
      "client-ca-file": info.clientAuthority,
      "requestheader-allowed-names": JSON.stringify(info.frontProxyNames),
      "requestheader-client-ca-file": info.frontProxyAuthority,
      "requestheader-extra-headers-prefix": JSON.stringify(extraPrefix),
      "requestheader-group-headers": JSON.stringify(group),
      "requestheader-uid-headers": JSON.stringify(uid),
      "requestheader-username-headers": JSON.stringify(username),
    },
  };
}

/** Writes it where it is missing or says something else. */
export async function ensureAuthenticationInfo(
  client: Client,
  info: AuthenticationInfo,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const wanted = authenticationConfigMap(info);
  try {
    const existing = await client.get(configMaps, target, options);
    const same = Object.entries(wanted.data ?? {}).every(([key, value]) => existing.data?.[key] === value);
    if (!same)
      await client.update(configMaps, { ...existing, data: { ...existing.data, ...wanted.data } }, options);
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
    await client.create(configMaps, wanted, options);
  }
}
