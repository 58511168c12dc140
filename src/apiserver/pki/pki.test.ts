import assert from "node:assert/strict";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { createAuthority, issueClientCertificate } from "./authority.ts";
import { createMemoryPki, ensurePki } from "./ensure-pki.ts";
import { frontProxyNames, frontProxyVerifier } from "./front-proxy.ts";
import { renderKubeconfig } from "./kubeconfig.ts";
import { generateTokenKey, loadTokenKeys } from "./service-account-keys.ts";
import { parseSigningRequest, signRequest } from "./signing-request.ts";
import { objectIds, signCertificate } from "./x509.ts";
import { loadX509 } from "./x509-library.ts";

const nowMs = Date.UTC(2026, 5, 1);
const dayMs = 86_400_000;

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "k8ts-pki-"));
  try {
    await run(join(folder, "pki"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("PKI: the serving certificate is good for every name and address of the API server", async () => {
  const pki = await createMemoryPki({ nowMs, servingNames: ["192.0.2.7", "api.example", "fd00::12:1"] });
  const certificate = new X509Certificate(pki.serving.certificate);
  for (const name of ["kubernetes", "kubernetes.default.svc.cluster.local", "localhost", "api.example"])
    assert.equal(certificate.checkHost(name), name);
  for (const address of ["127.0.0.1", "::1", "10.96.0.1", "192.0.2.7", "fd00::12:1"])
    assert.equal(certificate.checkIP(address), address);
  assert.equal(certificate.checkHost("example.org"), undefined);
  const authority = new X509Certificate(pki.clusterAuthority.certificate);
  assert.ok(authority.ca);
  assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
  assert.deepEqual(certificate.keyUsage, [objectIds.serverAuth]);
});

const identities = [
  { file: "admin", subject: "O=system:masters\nCN=kubernetes-admin" },
  { file: "kubeletClient", subject: "O=system:masters\nCN=kube-apiserver-kubelet-client" },
  { file: "scheduler", subject: "CN=system:kube-scheduler" },
  { file: "controllerManager", subject: "CN=system:kube-controller-manager" },
  { file: "proxy", subject: "CN=system:kube-proxy" },
] as const;
const shared = await createMemoryPki({ nowMs });
for (const { file, subject } of identities) {
  test(`PKI: the client certificate ${file} says ${subject.replace("\n", ", ")}`, () => {
    const certificate = new X509Certificate(shared[file].certificate);
    assert.equal(certificate.subject, subject);
    assert.deepEqual(certificate.keyUsage, [objectIds.clientAuth]);
    assert.ok(certificate.checkPrivateKey(createPrivateKey(shared[file].key)));
  });
}

test("PKI: a node has a client certificate of system:nodes and a serving certificate for its addresses", async () => {
  const { client, serving } = await shared.node("one", ["10.0.0.5"]);
  assert.equal(new X509Certificate(client.certificate).subject, "O=system:nodes\nCN=system:node:one");
  assert.equal(new X509Certificate(serving.certificate).checkIP("10.0.0.5"), "10.0.0.5");
  assert.equal((await shared.node("one", ["10.0.0.5"])).client.certificate, client.certificate);
});

test("PKI: files are for their owner alone, and a second start reads the same ones", () =>
  inFolder(async (folder) => {
    const first = await ensurePki(folder, { nowMs });
    const files = readdirSync(folder);
    assert.ok(files.includes("ca.crt") && files.includes("sa.key"));
    for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
    const second = await ensurePki(folder, { nowMs: nowMs + dayMs });
    assert.equal(second.clusterAuthority.certificate, first.clusterAuthority.certificate);
    assert.equal(second.serving.certificate, first.serving.certificate);
    assert.equal(second.serviceAccountKey, first.serviceAccountKey);
  }));

const renewals = [
  { name: "keeps a leaf with half a year left", afterDays: 180, names: [], renewed: false },
  { name: "renews a leaf that nears its end", afterDays: 300, names: [], renewed: true },
  {
    name: "renews the serving certificate for a new address",
    afterDays: 1,
    names: ["192.0.2.9"],
    renewed: true,
  },
];
for (const { name, afterDays, names, renewed } of renewals) {
  test(`PKI: ${name}, under the same authority`, () =>
    inFolder(async (folder) => {
      const first = await ensurePki(folder, { nowMs });
      const second = await ensurePki(folder, { nowMs: nowMs + afterDays * dayMs, servingNames: names });
      assert.equal(second.serving.certificate !== first.serving.certificate, renewed);
      assert.equal(second.clusterAuthority.certificate, first.clusterAuthority.certificate);
      assert.equal(readFileSync(join(folder, "apiserver.crt"), "utf8"), second.serving.certificate);
    }));
}

for (const file of ["apiserver.crt", "apiserver.key", "admin.crt"]) {
  test(`PKI: ${file}, left empty by a power failure, is made anew under the same authority`, () =>
    inFolder(async (folder) => {
      const first = await ensurePki(folder, { nowMs });
      writeFileSync(join(folder, file), "");
      const second = await ensurePki(folder, { nowMs });
      for (const { certificate, key } of [second.serving, second.admin])
        assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
      assert.equal(second.clusterAuthority.certificate, first.clusterAuthority.certificate);
    }));
}

test("PKI: an authority without its key is a clear error", () =>
  inFolder(async (folder) => {
    await ensurePki(folder, { nowMs });
    rmSync(join(folder, "ca.key"));
    await assert.rejects(ensurePki(folder, { nowMs }), /ca\.crt has no ca\.key/);
  }));

const asClient = ({ certificate }: { readonly certificate: string }) => {
  const { raw, subject } = new X509Certificate(certificate);
  return { commonName: subject.split("CN=")[1] ?? "", organizations: [], verified: false, raw };
};
for (const { name, certificate, at = nowMs, want } of [
  { name: "trusts the front proxy's certificate", certificate: shared.frontProxyClient, want: true },
  { name: "trusts no certificate of another authority", certificate: shared.admin, want: false },
  {
    name: "trusts no certificate of that name by another authority",
    certificate: await issueClientCertificate(
      shared.clusterAuthority,
      { commonName: "front-proxy-client" },
      { nowMs },
    ),
    want: false,
  },
  {
    name: "trusts no expired certificate",
    certificate: shared.frontProxyClient,
    at: nowMs + 400 * dayMs,
    want: false,
  },
]) {
  test(`front proxy: ${name}`, () => {
    const isFrontProxy = frontProxyVerifier(
      { authorities: [shared.frontProxyAuthority.certificate], allowedNames: frontProxyNames },
      { now: () => at },
    );
    assert.equal(isFrontProxy(asClient(certificate)), want);
  });
}

test("kubeconfig: holds the server, its authority and the client's credentials inline", () => {
  const config = parse(
    renderKubeconfig({
      server: "https://127.0.0.1:6443",
      certificateAuthority: shared.clusterAuthority.certificate,
      userName: "kubernetes-admin",
      client: shared.admin,
    }),
  );
  assert.equal(config["current-context"], "kubernetes-admin@k8ts");
  assert.equal(config.clusters[0].cluster.server, "https://127.0.0.1:6443");
  const key = Buffer.from(config.users[0].user["client-key-data"], "base64").toString();
  assert.equal(key, shared.admin.key);
});

test("token keys: a token is verified by its own key, an old key, and no other", async () => {
  const old = loadTokenKeys({ signingKey: generateTokenKey() });
  const signingKey = generateTokenKey();
  const current = loadTokenKeys({ signingKey });
  const claims = { sub: "a", exp: 1 };
  assert.deepEqual(await current.verify(await current.sign(claims)), claims);
  assert.equal(await current.verify(await old.sign(claims)), undefined);
  const rolled = loadTokenKeys({ signingKey: generateTokenKey(), verificationKeys: [signingKey] });
  assert.deepEqual(await rolled.verify(await current.sign(claims)), claims);
  assert.equal(rolled.publicKeys.length, 2);
});

const forgeries = [
  {
    name: "a changed claim",
    forge: (token: string) => token.replace(/\.[^.]+\./, `.${b64({ sub: "root" })}.`),
  },
  { name: "algorithm none", forge: () => `${b64({ alg: "none" })}.${b64({ sub: "root" })}.` },
  { name: "no signature", forge: (token: string) => token.split(".").slice(0, 2).join(".") },
  { name: "rubbish", forge: () => "a.b.c" },
];
const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
for (const { name, forge } of forgeries) {
  test(`token keys: refuses ${name}`, async () => {
    const keys = loadTokenKeys({ signingKey: generateTokenKey() });
    assert.equal(await keys.verify(forge(await keys.sign({ sub: "a" }))), undefined);
  });
}

const keyKinds = [
  { alg: "ES256", key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey },
  { alg: "ES384", key: generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey },
  { alg: "ES512", key: generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey },
  { alg: "RS256", key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey },
];
const pemOf = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();

for (const { alg, key } of keyKinds) {
  test(`token keys: a key for ${alg} signs, verifies, and is listed under the hash of its public half`, async () => {
    const keys = loadTokenKeys({ signingKey: pemOf(key) });
    const token = await keys.sign({ sub: "a" });
    const [header = ""] = token.split(".");
    const head = JSON.parse(Buffer.from(header, "base64url").toString());
    const [listed] = keys.publicKeys;
    assert.deepEqual(head, { alg, kid: listed?.kid });
    assert.deepEqual([listed?.alg, listed?.use, listed?.d], [alg, "sig", undefined]);
    assert.deepEqual(await keys.verify(token), { sub: "a" });
    const der = createPublicKey(key).export({ type: "spki", format: "der" });
    assert.equal(listed?.kid, createHash("sha256").update(der).digest("base64url"));
  });
}

/** A PKCS#10 request as a kubelet would send it. */
async function requestPem(options: {
  readonly names: readonly { readonly type: "dns" | "ip" | "email" | "url"; readonly value: string }[];
  readonly key?: KeyObject;
}): Promise<string> {
  const x509 = await loadX509();
  const key = options.key ?? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const namedCurve = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" }[
    key.asymmetricKeyDetails?.namedCurve ?? ""
  ];
  const algorithm =
    namedCurve === undefined
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", namedCurve, hash: "SHA-256" };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: ["system:nodes"] }, { CN: ["system:node:one"] }],
    keys: {
      privateKey: key.toCryptoKey(algorithm, false, ["sign"]),
      publicKey: createPublicKey(key).toCryptoKey(algorithm, true, ["verify"]),
    },
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([...options.names])],
  });
  return request.toString("pem");
}

const names = [
  { type: "dns", value: "one.example" },
  { type: "ip", value: "10.0.0.5" },
  { type: "ip", value: "fd00::5" },
  { type: "email", value: "one@example.com" },
  { type: "url", value: "spiffe://example/one" },
] as const;

for (const { alg, key } of keyKinds) {
  test(`signing request: one with a key for ${alg} is read, checked and signed with its own name, key and addresses`, async () => {
    const pem = await requestPem({ names, key });
    const {
      subjectDer: _,
      publicKeyDer: __,
      subjectAltNameDer: ___,
      ...request
    } = await parseSigningRequest(pem);
    assert.deepEqual(request, {
      commonName: "system:node:one",
      organizations: ["system:nodes"],
      dnsNames: ["one.example"],
      ipAddresses: ["10.0.0.5", "fd00::5"],
      emailAddresses: ["one@example.com"],
      uris: ["spiffe://example/one"],
    });
    const signed = await signRequest(shared.clusterAuthority, pem, {
      nowMs,
      validityMs: dayMs,
      usages: ["digital signature", "server auth"],
    });
    const certificate = new X509Certificate(signed);
    assert.equal(certificate.subject, "O=system:nodes\nCN=system:node:one");
    assert.equal(
      certificate.subjectAltName,
      "DNS:one.example, IP Address:10.0.0.5, IP Address:FD00:0:0:0:0:0:0:5, email:one@example.com, URI:spiffe://example/one",
    );
    assert.equal(Date.parse(certificate.validTo), nowMs + dayMs);
    assert.ok(certificate.checkPrivateKey(key));
    assert.ok(certificate.verify(new X509Certificate(shared.clusterAuthority.certificate).publicKey));
  });
}

const refusals = [
  {
    name: "whose signature does not match",
    pem: (good: string) => changed(good, "one.example", "two.example"),
    want: /^Error: .*verification (error|failure)$/,
  },
  {
    name: "that is a certificate",
    pem: () => shared.admin.certificate,
    want: /PEM block type must be CERTIFICATE REQUEST/,
  },
  { name: "that is no PEM", pem: () => "", want: /PEM block type must be CERTIFICATE REQUEST/ },
  {
    name: "that is cut short",
    pem: (good: string) => pem(derOf(good).subarray(0, 100)),
    want: /^Error: asn1: syntax error: data truncated$/,
  },
  {
    name: "with something behind it",
    pem: (good: string) => pem(Buffer.concat([derOf(good), Buffer.of(0)])),
    want: /^Error: asn1: syntax error: trailing data$/,
  },
  {
    name: "that is empty",
    pem: () => pem(Buffer.of(0x30, 0)),
    want: /^Error: asn1: syntax error: sequence truncated$/,
  },
  {
    name: "with something else in it",
    pem: () => pem(Buffer.of(0x30, 3, 2, 1, 0)),
    want: /malformed certificate request/,
  },
  {
    name: "behind another block",
    pem: (good: string) => shared.admin.certificate + good,
    want: /PEM block type must be CERTIFICATE REQUEST/,
  },
];
const derOf = (text: string) => Buffer.from(text.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
const pem = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
const changed = (text: string, from: string, to: string) =>
  pem(Buffer.from(derOf(text).toString("latin1").replace(from, to), "latin1"));
for (const { name, pem: bad, want } of refusals) {
  test(`signing request: one ${name} is refused`, async () => {
    const good = await requestPem({ names });
    await assert.rejects(parseSigningRequest(bad(good)), want);
  });
}

/** The content of an extension in hexadecimal; "critical" before it where it is. */
async function extensionOf(certificate: string, id: string): Promise<string> {
  const x509 = await loadX509();
  const extension = new x509.X509Certificate(certificate).getExtension(id);
  if (extension === null) return "absent";
  return `${extension.critical ? "critical " : ""}${Buffer.from(extension.value).toString("hex")}`;
}

test("certificates: an authority may sign certificates, a leaf may not, and both say so critically", async () => {
  const basicConstraints = "2.5.29.19";
  const keyUsage = "2.5.29.15";
  const authority = shared.clusterAuthority.certificate;
  assert.equal(await extensionOf(authority, basicConstraints), "critical 30030101ff");
  // digitalSignature, keyEncipherment, keyCertSign
  assert.equal(await extensionOf(authority, keyUsage), "critical 030202a4");
  assert.equal(await extensionOf(shared.admin.certificate, basicConstraints), "critical 3000");
  assert.equal(await extensionOf(shared.admin.certificate, keyUsage), "critical 030205a0");
  const [, , , own] = (await extensionOf(authority, "2.5.29.14")).match(/^(04)(14)(.+)$/) ?? [];
  assert.ok(own !== undefined);
  assert.equal(await extensionOf(shared.admin.certificate, "2.5.29.35"), `30168014${own}`);
});

test("certificates: usages are those of the request, the ninth bit of RFC 5280 among them", async () => {
  const publicKey = createPublicKey(shared.admin.key).export({ type: "spki", format: "der" });
  const signed = await signCertificate(
    {
      subject: { commonName: "x" },
      notBeforeMs: nowMs,
      notAfterMs: nowMs + dayMs,
      usages: ["signing", "key agreement", "decipher only", "code signing", "s/mime", "email protection"],
    },
    publicKey,
    shared.clusterAuthority,
  );
  assert.equal(await extensionOf(signed, "2.5.29.15"), "critical 0303078880");
  assert.deepEqual(new X509Certificate(signed).keyUsage, ["1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.4"]);
});

for (const { alg, key } of keyKinds) {
  test(`certificates: an authority that is brought along with a key for ${alg} signs`, async () => {
    const authority = await createAuthority("brought", nowMs, key);
    const issued = await issueClientCertificate(authority, { commonName: "x" }, { nowMs });
    const certificate = new X509Certificate(issued.certificate);
    const issuer = new X509Certificate(authority.certificate);
    assert.ok(issuer.ca && issuer.verify(issuer.publicKey) && issuer.checkPrivateKey(key));
    assert.ok(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  });
}

test("certificates: none outlives the authority that signed it", async () => {
  const late = nowMs + 9.9 * 365 * dayMs;
  const { certificate } = await issueClientCertificate(
    shared.clusterAuthority,
    { commonName: "x" },
    { nowMs: late },
  );
  const authorityEnd = new X509Certificate(shared.clusterAuthority.certificate).validTo;
  assert.equal(new X509Certificate(certificate).validTo, authorityEnd);
});
