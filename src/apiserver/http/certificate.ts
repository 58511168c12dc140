import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { ClientCertificate } from "../stages.ts";

const known = new WeakMap<TLSSocket, ClientCertificate | "none">();

/** A property of the socket: HTTP/2 shows sockets through proxies, which a map would not know again. */
const rootsKey = Symbol("authorities of clients");

type MarkedSocket = TLSSocket & { readonly [rootsKey]?: ReadonlySet<string> };

/**
 * Says which authorities vouch for the client of a connection, by their SHA-256 fingerprints: the handshake accepts those of
 * front proxies too, and what they signed is no client's certificate.
 */
export function trustClientsOf(socket: TLSSocket, roots: ReadonlySet<string>): void {
  Object.defineProperty(socket, rootsKey, { value: roots });
}

/** The client's certificate as the handshake left it; read once a connection. */
export function clientCertificateOf(socket: TLSSocket): ClientCertificate | undefined {
  let certificate = known.get(socket);
  if (certificate === undefined) {
    certificate = read(socket) ?? "none";
    known.set(socket, certificate);
  }
  return certificate === "none" ? undefined : certificate;
}

function read(socket: TLSSocket): ClientCertificate | undefined {
  const { subject, raw, valid_to: expires } = socket.getPeerCertificate();
  if (subject === undefined || raw === undefined) return undefined;
  // Names that the types do not know are there by their number.
  const uids = listOf((subject as Readonly<Record<string, string | undefined>>)[uidName]);
  const error = verificationError(socket) ?? uidError(uids);
  return {
    commonName: listOf(subject.CN).at(-1) ?? "",
    organizations: listOf(subject.O),
    ...(uids[0] === undefined ? {} : { uid: uids[0] }),
    verified: error === undefined,
    expiresAtMs: Date.parse(expires),
    ...(error === undefined ? {} : { verificationError: error }),
    raw,
  };
}

function verificationError(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return String(socket.authorizationError ?? "unverified");
  const roots = (socket as MarkedSocket)[rootsKey];
  // Nobody said who vouches for clients: nobody does.
  if (roots === undefined) return unknownAuthority;
  let certificate: DetailedPeerCertificate = socket.getPeerCertificate(true);
  for (let depth = 0; depth < maxChainLength; depth++) {
    if (roots.has(certificate.fingerprint256)) return undefined;
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    if (issuer === undefined || issuer === certificate) break;
    certificate = issuer;
  }
  return unknownAuthority;
}

/** A user's uid in the subject of a certificate. */
const uidName = "1.3.6.1.4.1.57683.2";

function uidError(uids: readonly string[]): string | undefined {
  if (uids.length > 1) return `expected 1 UID, but found multiple: [${uids.join(" ")}]`;
  return uids[0] === "" ? "UID cannot be an empty string" : undefined;
}

const unknownAuthority = "x509: certificate signed by unknown authority";

const maxChainLength = 10;

// Node gives a name that occurs once as a string and one that occurs again as a list, whatever the types say.
function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
