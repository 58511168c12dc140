import { unauthorized } from "../../apimachinery/api-error.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { AuthenticationRequest, Authenticator, ClientCertificate } from "../stages.ts";
import { anonymousUser, authenticatedUser, extraKeys } from "./identity.ts";
import type { TokenAuthenticator, TokenResult } from "./token-authenticator.ts";

export interface AuthenticatorOptions {
  readonly tokens: TokenAuthenticator;
  /** The SHA-256 of a certificate in hexadecimal, for the credential id; absent: none is given. */
  readonly fingerprint?: (certificate: Uint8Array) => string;
  /** Whether a client certificate is the front proxy's, whose X-Remote-* headers are believed; absent: never. */
  readonly isFrontProxy?: (certificate: ClientCertificate) => boolean;
  /** Where a front proxy says whom it speaks for; X-Remote-* unless said. */
  readonly remoteHeaders?: RemoteHeaders;
  /** Requests without credentials are system:anonymous: everywhere unless said. It may change while the server runs. */
  readonly anonymous?: () => AnonymousAccess;
}

/** Names of headers, in any case: `--requestheader-*`. The first that names a user, or a uid, counts; of groups all do. */
export interface RemoteHeaders {
  readonly username: readonly string[];
  readonly uid: readonly string[];
  readonly group: readonly string[];
  readonly extraPrefix: readonly string[];
}

export const usualRemoteHeaders: RemoteHeaders = {
  username: ["X-Remote-User"],
  uid: ["X-Remote-Uid"],
  group: ["X-Remote-Group"],
  extraPrefix: ["X-Remote-Extra-"],
};

export interface AnonymousAccess {
  readonly enabled: boolean;
  /** Only these paths; absent: all. */
  readonly paths?: readonly string[];
}

const everywhere: AnonymousAccess = { enabled: true };

/** The authenticators of a kube-apiserver in their order: front proxy, client certificate, bearer token, anonymous. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const certificateUsers = new WeakMap<ClientCertificate, UserInfo>();

  const userOfCertificate = (certificate: ClientCertificate): UserInfo => {
    const known = certificateUsers.get(certificate);
    if (known !== undefined) return known;
    const user = certificateUser(certificate, options.fingerprint);
    certificateUsers.set(certificate, user);
    return user;
  };

  const anonymousAccess = options.anonymous ?? (() => everywhere);

  return {
    authenticate(request) {
      const certificate = request.clientCertificate;
      if (certificate !== undefined && options.isFrontProxy?.(certificate) === true) {
        const user = remoteUser(request.headers, options.remoteHeaders ?? usualRemoteHeaders);
        if (user !== undefined) return authenticatedUser(user);
      }
      if (certificate?.verified === true && certificate.commonName !== "")
        return userOfCertificate(certificate);
      const token = bearerToken(request);
      if (token !== undefined) {
        const result = options.tokens.authenticateToken(token);
        return result instanceof Promise
          ? result.then((found) => userOfToken(found, request))
          : userOfToken(result, request);
      }
      // Credentials that are no good are refused, never taken for none.
      if (certificate !== undefined && !certificate.verified) throw unauthorized();
      return anonymous(request.path, anonymousAccess());
    },
  };
}

function certificateUser(
  certificate: ClientCertificate,
  fingerprint: AuthenticatorOptions["fingerprint"],
): UserInfo {
  const { commonName, organizations, uid, raw } = certificate;
  const credential =
    raw === undefined || fingerprint === undefined
      ? {}
      : { extra: { [extraKeys.credentialId]: [`X509SHA256=${fingerprint(raw)}`] } };
  return authenticatedUser({
    name: commonName,
    ...(uid === undefined ? {} : { uid }),
    groups: organizations,
    ...credential,
  });
}

function userOfToken(
  result: TokenResult | undefined,
  { annotate = () => {}, warn = () => {} }: AuthenticationRequest,
): UserInfo {
  for (const [key, value] of Object.entries(result?.annotations ?? {})) annotate(key, value);
  if (result === undefined || "error" in result) throw unauthorized();
  if (result.warning !== undefined) warn(result.warning);
  return authenticatedUser(result.user);
}

function anonymous(path: string, access: AnonymousAccess): UserInfo {
  if (!access.enabled || (access.paths !== undefined && !access.paths.includes(path))) throw unauthorized();
  return anonymousUser;
}

const webSocketTokenPrefix = "base64url.bearer.authorization.k8s.io.";

/** From the Authorization header, or from a WebSocket's subprotocols, where a browser has to put it. */
function bearerToken({ headers }: AuthenticationRequest): string | undefined {
  const match = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "");
  if (match?.[1] !== undefined) return match[1];
  for (const protocol of (headers["sec-websocket-protocol"] ?? "").split(",")) {
    const name = protocol.trim();
    if (!name.startsWith(webSocketTokenPrefix)) continue;
    try {
      const encoded = name.slice(webSocketTokenPrefix.length).replaceAll("-", "+").replaceAll("_", "/");
      return atob(encoded);
    } catch {
      throw unauthorized();
    }
  }
  return undefined;
}

/** The user a front proxy speaks for; undefined where it names none. */
function remoteUser(
  headers: AuthenticationRequest["headers"],
  { username, uid: uidNames, group, extraPrefix }: RemoteHeaders,
): UserInfo | undefined {
  const values = (names: readonly string[]) => names.map((name) => headers[name.toLowerCase()]);
  const name = values(username).find(Boolean);
  if (name === undefined) return undefined;
  const uid = values(uidNames).find(Boolean);
  const extra: Record<string, string[]> = {};
  for (const prefix of extraPrefix) Object.assign(extra, prefixedValues(headers, prefix.toLowerCase()));
  return {
    name,
    ...(uid === undefined ? {} : { uid }),
    groups: values(group).flatMap(headerValues),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** The values of a header that was sent several times: HTTP joins them with a comma. */
export function headerValues(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(",").map((part) => part.trim());
}

/** Headers such as Impersonate-Extra-*: the key is lower case and may be percent-encoded. */
export function prefixedValues(
  headers: AuthenticationRequest["headers"],
  prefix: string,
): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(prefix) || value === undefined) continue;
    found[unescapeKey(name.slice(prefix.length))] = headerValues(value);
  }
  return found;
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
