import assert from "node:assert/strict";
import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { issueClientCertificate } from "./authority.ts";
import { bitString, contextTag, encode, integer, octetString, oid, pemEncode, sequence, set } from "./der.ts";
import { createMemoryPki, ensurePki } from "./ensure-pki.ts";
import { frontProxyVerifier } from "./front-proxy.ts";
import { renderKubeconfig } from "./kubeconfig.ts";
import { generateTokenKey, loadTokenKeys } from "./service-account-keys.ts";
import { parseSigningRequest, signRequest } from "./signing-request.ts";
import { encodeName, generateKey, objectIds } from "./x509.ts";

const nowMs = Date.UTC(2026, 5, 1);
const dayMs = 86_400_000;

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "k8ts-pki-"));
  try {
    run(join(folder, "pki"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("PKI: the serving certificate is good for every name and address of the API server", () => {
  const pki = createMemoryPki({ nowMs, servingNames: ["192.0.2.7", "api.example", "fd00::12:1"] });
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
const shared = createMemoryPki({ nowMs });
for (const { file, subject } of identities) {
  test(`PKI: the client certificate ${file} says ${subject.replace("\n", ", ")}`, () => {
    const certificate = new X509Certificate(shared[file].certificate);
    assert.equal(certificate.subject, subject);
    assert.deepEqual(certificate.keyUsage, [objectIds.clientAuth]);
    assert.ok(certificate.checkPrivateKey(createPrivateKey(shared[file].key)));
  });
}

test("PKI: a node has a client certificate of system:nodes and a serving certificate for its addresses", () => {
  const { client, serving } = shared.node("one", ["10.0.0.5"]);
  assert.equal(new X509Certificate(client.certificate).subject, "O=system:nodes\nCN=system:node:one");
  assert.equal(new X509Certificate(serving.certificate).checkIP("10.0.0.5"), "10.0.0.5");
  assert.equal(shared.node("one", ["10.0.0.5"]).client.certificate, client.certificate);
});

test("PKI: files are for their owner alone, and a second start reads the same ones", () =>
  inFolder((folder) => {
    const first = ensurePki(folder, { nowMs });
    const files = readdirSync(folder);
    assert.ok(files.includes("ca.crt") && files.includes("sa.key"));
    for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
    const second = ensurePki(folder, { nowMs: nowMs + dayMs });
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
    inFolder((folder) => {
      const first = ensurePki(folder, { nowMs });
      const second = ensurePki(folder, { nowMs: nowMs + afterDays * dayMs, servingNames: names });
      assert.equal(second.serving.certificate !== first.serving.certificate, renewed);
      assert.equal(second.clusterAuthority.certificate, first.clusterAuthority.certificate);
      assert.equal(readFileSync(join(folder, "apiserver.crt"), "utf8"), second.serving.certificate);
    }));
}

test("PKI: an authority without its key is a clear error", () =>
  inFolder((folder) => {
    ensurePki(folder, { nowMs });
    rmSync(join(folder, "ca.key"));
    assert.throws(() => ensurePki(folder, { nowMs }), /ca\.crt has no ca\.key/);
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
    certificate: issueClientCertificate(
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
    const isFrontProxy = frontProxyVerifier(shared.frontProxyAuthority.certificate, { now: () => at });
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

test("token keys: a token is verified by its own key, an old key, and no other", () => {
  const old = loadTokenKeys({ signingKey: generateTokenKey() });
  const signingKey = generateTokenKey();
  const current = loadTokenKeys({ signingKey });
  const claims = { sub: "a", exp: 1 };
  assert.deepEqual(current.verify(current.sign(claims)), claims);
  assert.equal(current.verify(old.sign(claims)), undefined);
  const rolled = loadTokenKeys({ signingKey: generateTokenKey(), verificationKeys: [signingKey] });
  assert.deepEqual(rolled.verify(current.sign(claims)), claims);
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
  test(`token keys: refuses ${name}`, () => {
    const keys = loadTokenKeys({ signingKey: generateTokenKey() });
    assert.equal(keys.verify(forge(keys.sign({ sub: "a" }))), undefined);
  });
}

/** A PKCS#10 request as a kubelet would send it. */
function requestPem(options: {
  commonName: string;
  organizations: string[];
  dnsName: string;
  address: number[];
}) {
  const { privateKey, publicKey } = generateKey();
  const altNames = sequence(
    encode(contextTag(2, { constructed: false }), Buffer.from(options.dnsName)),
    encode(contextTag(7, { constructed: false }), Buffer.from(options.address)),
  );
  const extension = sequence(sequence(oid(objectIds.subjectAltName), octetString(altNames)));
  const info = sequence(
    integer(Buffer.from([0])),
    encodeName(options),
    publicKey.export({ type: "spki", format: "der" }),
    encode(contextTag(0, { constructed: true }), sequence(oid(objectIds.extensionRequest), set(extension))),
  );
  const algorithm = sequence(oid(objectIds.ecdsaWithSha256));
  const der = sequence(info, algorithm, bitString(sign("sha256", info, privateKey)));
  return { pem: pemEncode("CERTIFICATE REQUEST", der), der };
}

test("signing request: is read, checked and signed with its own name, key and addresses", () => {
  const { pem } = requestPem({
    commonName: "system:node:one",
    organizations: ["system:nodes"],
    dnsName: "one.example",
    address: [10, 0, 0, 5],
  });
  const request = parseSigningRequest(pem);
  assert.equal(request.commonName, "system:node:one");
  assert.deepEqual(request.organizations, ["system:nodes"]);
  assert.deepEqual([request.dnsNames, request.ipAddresses], [["one.example"], ["10.0.0.5"]]);
  const signed = signRequest(shared.clusterAuthority, request, {
    nowMs,
    validityMs: dayMs,
    usages: ["digital signature", "server auth"],
  });
  const certificate = new X509Certificate(signed);
  assert.equal(certificate.subject, "O=system:nodes\nCN=system:node:one");
  assert.equal(certificate.checkIP("10.0.0.5"), "10.0.0.5");
  assert.equal(Date.parse(certificate.validTo), nowMs + dayMs);
  assert.ok(certificate.verify(new X509Certificate(shared.clusterAuthority.certificate).publicKey));
});

test("signing request: one whose signature does not match is refused", () => {
  const { der } = requestPem({ commonName: "a", organizations: [], dnsName: "b", address: [1, 2, 3, 4] });
  const at = der.indexOf("b", der.indexOf(Buffer.from([0x82, 0x01])));
  der[at] = "c".charCodeAt(0);
  assert.throws(() => parseSigningRequest(pemEncode("CERTIFICATE REQUEST", der)), /signature/);
});

test("certificates: none outlives the authority that signed it", () => {
  const late = nowMs + 9.9 * 365 * dayMs;
  const { certificate } = issueClientCertificate(
    shared.clusterAuthority,
    { commonName: "x" },
    { nowMs: late },
  );
  const authorityEnd = new X509Certificate(shared.clusterAuthority.certificate).validTo;
  assert.equal(new X509Certificate(certificate).validTo, authorityEnd);
});
