import { createPrivateKey, X509Certificate } from "node:crypto";
import { RotatingFile } from "./rotating-file.ts";

/** How a client says who it is. Asked at every request: what is cached is this record's matter. */
export interface Credentials {
  /** The value of the `authorization` header; undefined: none. */
  authorization(): Promise<string | undefined>;
  /** A client certificate with its key, in PEM; undefined: none. */
  clientCertificate(): Promise<ClientCertificate | undefined>;
  /**
   * The server did not accept them (401), with this authorization. True: trying once more may help, since they are fetched
   * anew, or have been since then.
   */
  rejected(authorization?: string): boolean;
}

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

const none = async () => undefined;

/** For a server that does not ask, or that knows the client by its address. */
export const anonymous: Credentials = { authorization: none, clientCertificate: none, rejected: () => false };

export function bearerToken(token: string): Credentials {
  return { ...anonymous, authorization: async () => `Bearer ${token}` };
}

export function basicAuth(username: string, password: string): Credentials {
  const encoded = Buffer.from(`${username}:${password}`).toString("base64");
  return { ...anonymous, authorization: async () => `Basic ${encoded}` };
}

/** A client certificate that does not change. */
export function certificate(pair: ClientCertificate): Credentials {
  return { ...anonymous, clientCertificate: async () => pair };
}

/**
 * A token in a file that something else rotates: read again when the file changes, which is looked at once a minute. Before it could
 * be read for the first time `first` is used, where there is one.
 */
export function tokenFile(path: string, first?: string): Credentials {
  const file = new RotatingFile(path, (text) => text.trim() !== "");
  const read = () => (first === undefined ? file.read() : file.read().catch(() => first));
  return {
    ...anonymous,
    authorization: async () => `Bearer ${(await read()).trim()}`,
    rejected: () => file.expire(),
  };
}

/** A certificate and its key in files that something else rotates, one after the other: they change together. */
export function certificateFiles(certPath: string, keyPath: string): Credentials {
  const cert = new RotatingFile(certPath);
  const key = new RotatingFile(keyPath);
  const expire = () => [cert.expire(), key.expire()].includes(true);
  let pair: ClientCertificate | undefined;
  return {
    ...anonymous,
    async clientCertificate() {
      const found = { cert: await cert.read(), key: await key.read() };
      if (found.cert === pair?.cert && found.key === pair.key) return pair;
      if (pair === undefined || belongTogether(found)) pair = found;
      else expire(); // one of the two is still to come: the next request looks again
      return pair;
    },
    rejected: expire,
  };
}

function belongTogether({ cert, key }: ClientCertificate): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false; // half written
  }
}

/** Both: the certificate of one and the authorization of the other. */
export function combined(certificates: Credentials, authorizations: Credentials): Credentials {
  return {
    authorization: authorizations.authorization,
    clientCertificate: certificates.clientCertificate,
    rejected: (used) => [certificates.rejected(used), authorizations.rejected(used)].includes(true),
  };
}
