import { createECDH, createHash, createPrivateKey } from "node:crypto";
import type { Authorities } from "../../apiserver/pki/ensure-pki.ts";
import { generateTokenKey } from "../../apiserver/pki/service-account-keys.ts";
import { type Credential, privateKeyPem } from "../../apiserver/pki/x509.ts";

/**
 * The authorities of clusters that only their own process reaches: tests, simulations. They are the same for all, so that such a
 * cluster starts without making a certificate, and one seed gives one run. Their keys follow from a sentence that is
 * public: nothing may listen with them, and without a serving certificate no control plane does.
 */
export function inProcessPki(): Authorities {
  return {
    clusterAuthority: publicAuthority("kubernetes"),
    frontProxyAuthority: publicAuthority("front-proxy-ca"),
    serviceAccountKey: generateTokenKey(),
  };
}

/** The key is made when something is signed with it: a start that signs nothing is quicker by what node:crypto needs. */
function publicAuthority(name: keyof typeof certificates): Credential {
  let key: string | undefined;
  return {
    certificate: certificates[name],
    get key() {
      key ??= publicKeyOf(name);
      return key;
    },
  };
}

function publicKeyOf(name: string): string {
  const secret = createHash("sha256").update(`k8ts in-process ${name}: everybody knows this key`).digest();
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(secret);
  const point = curve.getPublicKey(); // a byte for its form, then x and y
  const key = createPrivateKey({
    format: "jwk",
    key: {
      kty: "EC",
      crv: "P-256",
      d: secret.toString("base64url"),
      x: point.subarray(1, 33).toString("base64url"),
      y: point.subarray(33).toString("base64url"),
    },
  });
  return privateKeyPem(key);
}

/** Self-signed with those keys by `selfSignCertificate`, for the years 2000 to 2099. */
const certificates = {
  kubernetes: `-----BEGIN CERTIFICATE-----
MIIBjjCCATSgAwIBAgIRAKyXQxvErXS2Z2h1JDIukqMwCgYIKoZIzj0EAwIwFTET
MBEGA1UEAwwKa3ViZXJuZXRlczAgFw0wMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAw
MDAwMFowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABHwjSOYSfGSIHLob49Buw9FHKzTaWr2c7Eg+9FJW50KfjGY6uXApGFGw
BHgpFgTyk8kFqCIXzBMwEfP1TR9Yju+jYzBhMA4GA1UdDwEB/wQEAwICpDAPBgNV
HRMBAf8EBTADAQH/MB0GA1UdDgQWBBSP8aLpmQQJ/iemXDKqbDHB8e650TAfBgNV
HSMEGDAWgBSP8aLpmQQJ/iemXDKqbDHB8e650TAKBggqhkjOPQQDAgNIADBFAiEA
k7BbRPsJJTLKKEF4lUCesgxNdEWcavtExGPUCqDgansCIETwDPyQBKRoxQ3a3yJS
znjROd9uiWBFwInjY0sx7UbG
-----END CERTIFICATE-----
`,
  "front-proxy-ca": `-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIQf2ef4Vly5pGQVAw0qpvLFTAKBggqhkjOPQQDAjAZMRcw
FQYDVQQDDA5mcm9udC1wcm94eS1jYTAgFw0wMDAxMDEwMDAwMDBaGA8yMTAwMDEw
MTAwMDAwMFowGTEXMBUGA1UEAwwOZnJvbnQtcHJveHktY2EwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQdys9CMQQV0qdE1qThGQ8GLnnsL4c0DfIBLagLdmUnd2DJ
4cGGKlyMUOu5NH1M60M/pHuTxsnTYydXoYxB4w1Ko2MwYTAOBgNVHQ8BAf8EBAMC
AqQwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQU/S40YaZ7n7u+KL3mTi9vlcO1
nu8wHwYDVR0jBBgwFoAU/S40YaZ7n7u+KL3mTi9vlcO1nu8wCgYIKoZIzj0EAwID
SQAwRgIhAOCOFQ75Fr+/sOyRcw15qmT7OBrTnmipKT5FtUe8o+x5AiEA7mbTF93B
zLlgvnDow6lyQFiVDNp4S4P99Aa6sWO3P50=
-----END CERTIFICATE-----
`,
} as const;
