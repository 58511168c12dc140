import assert from "node:assert/strict";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { clientCertificateOf, trustClientsOf } from "./certificate.ts";

/** What Node says of a connection whose certificate has this subject: unknown names under their numbers. */
function socketWith(subject: Readonly<Record<string, string | readonly string[]>>): TLSSocket {
  const certificate = { subject, raw: new Uint8Array(), valid_to: "Jan 1 2030", fingerprint256: "F" };
  // Only what is asked of a socket.
  const socket = { authorized: true, getPeerCertificate: () => certificate } as unknown as TLSSocket;
  trustClientsOf(socket, new Set(["F"]));
  return socket;
}

for (const { name, subject, want } of [
  {
    name: "by its last common name and all its organizations",
    subject: { CN: ["one", "two"], O: ["a", "b"] },
    want: ["two", ["a", "b"], undefined, undefined],
  },
  {
    name: "with the uid that its authority gave it",
    subject: { CN: "eve", "1.3.6.1.4.1.57683.2": "u-1" },
    want: ["eve", [], "u-1", undefined],
  },
  {
    name: "not at all where it has two uids",
    subject: { CN: "eve", "1.3.6.1.4.1.57683.2": ["u-1", "u-2"] },
    want: ["eve", [], "u-1", "expected 1 UID, but found multiple: [u-1 u-2]"],
  },
  {
    name: "not at all where its uid is empty",
    subject: { CN: "eve", "1.3.6.1.4.1.57683.2": "" },
    want: ["eve", [], "", "UID cannot be an empty string"],
  },
] as const)
  test(`a client's certificate names it ${name}`, () => {
    const found = clientCertificateOf(socketWith(subject));
    assert.deepEqual([found?.commonName, found?.organizations, found?.uid, found?.verificationError], want);
  });
