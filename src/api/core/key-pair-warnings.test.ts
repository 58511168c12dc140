import assert from "node:assert/strict";
import { test } from "node:test";
import { certificatePem } from "../test-support/certificates.ts";
import { keyPairFault } from "./key-pair-warnings.ts";

const block = (type: string) => `-----BEGIN ${type}-----\nMAA=\n-----END ${type}-----\n`;
const key = block("EC PRIVATE KEY");

for (const { name, certificate, ofKey, want } of [
  { name: "both", certificate: certificatePem, ofKey: key, want: undefined },
  {
    name: "nothing",
    certificate: "",
    ofKey: "",
    want: "tls: failed to find any PEM data in certificate input",
  },
  {
    name: "no key",
    certificate: certificatePem,
    ofKey: "",
    want: "tls: failed to find any PEM data in key input",
  },
  {
    name: "one for the other",
    certificate: key,
    ofKey: certificatePem,
    want: "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
  },
  {
    name: "a certificate twice",
    certificate: certificatePem,
    ofKey: certificatePem,
    want: "tls: found a certificate rather than a key in the PEM for the private key",
  },
  {
    name: "other things",
    certificate: `${block("A")}${block("B")}`,
    ofKey: key,
    want: 'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [A B]',
  },
  {
    name: "a certificate that is none",
    certificate: block("CERTIFICATE"),
    ofKey: key,
    want: "x509: malformed tbs certificate",
  },
])
  test(`a secret of TLS with ${name} is ${want === undefined ? "a pair" : "warned of in Go's words"}`, () => {
    assert.equal(keyPairFault(btoa(certificate), btoa(ofKey)), want);
  });
