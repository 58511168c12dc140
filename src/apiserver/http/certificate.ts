import type { TLSSocket } from "node:tls";
import type { ClientCertificate } from "../stages.ts";

const known = new WeakMap<TLSSocket, ClientCertificate | "none">();

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
  const { subject, raw } = socket.getPeerCertificate();
  if (subject === undefined || raw === undefined) return undefined;
  const error = socket.authorized ? undefined : String(socket.authorizationError ?? "unverified");
  return {
    commonName: firstOf(subject.CN),
    organizations: listOf(subject.O),
    verified: socket.authorized,
    ...(error === undefined ? {} : { verificationError: error }),
    raw,
  };
}

// Node gives a name that occurs once as a string and one that occurs again as a list, whatever the types say.
function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

function firstOf(value: string | readonly string[] | undefined): string {
  return listOf(value)[0] ?? "";
}
