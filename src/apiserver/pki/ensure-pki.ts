import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { createAuthority, issueClientCertificate, issueServingCertificate } from "./authority.ts";
import { readTextFile, writePrivateFile } from "./files.ts";
import { generateTokenKey } from "./service-account-keys.ts";
import { type Credential, publicKeyPem, type Subject } from "./x509.ts";

/** A leaf with less than this left is renewed at the next start. */
const renewBeforeMs = 120 * 86_400_000;

export interface PkiOptions {
  readonly nowMs: number;
  /** More DNS names and IP addresses of the API server: the host's own, a load balancer's. */
  readonly servingNames?: readonly string[];
  /** Of the kubernetes Service; 10.96.0.1 unless said. */
  readonly serviceAddresses?: readonly string[];
  readonly clusterDomain?: string;
}

/** What signs: all that a control plane needs that only its own process reaches; PEM. */
export interface Authorities {
  /** Signs the serving certificates, client certificates and signing requests. */
  readonly clusterAuthority: Credential;
  readonly frontProxyAuthority: Credential;
  /** The private key that signs service account tokens. */
  readonly serviceAccountKey: string;
}

/** Everything a control plane's identities are made of; all PEM. */
export interface Pki extends Authorities {
  readonly serving: Credential;
  readonly frontProxyClient: Credential;
  readonly kubeletClient: Credential;
  /** O=system:masters, CN=kubernetes-admin. */
  readonly admin: Credential;
  readonly scheduler: Credential;
  readonly controllerManager: Credential;
  readonly proxy: Credential;
  /** The client and serving certificate of a node, made on first use. `addresses`: names and IPs of its kubelet. */
  node(name: string, addresses: readonly string[]): Promise<NodeCredentials>;
}

export interface NodeCredentials {
  readonly client: Credential;
  readonly serving: Credential;
}

/** Where PEMs are kept: a folder, or nowhere but memory. */
interface Store {
  read(name: string): string | undefined;
  /** Default: durable. What is not may be found empty after a power failure. */
  write(name: string, text: string, options?: { readonly durable: boolean }): void;
}

/**
 * The PKI in a folder: made on the first start, read on the next, certificates renewed where they near their end, where
 * their names changed or where their authority did. Files are written atomically, for their owner alone. Whether to renew
 * is decided by node:crypto: the X.509 library is loaded only to make a certificate.
 */
export function ensurePki(directory: string, options: PkiOptions): Promise<Pki> {
  return pkiIn(
    {
      read: (name) => readTextFile(join(directory, name)),
      write: (name, text, options) => writePrivateFile(join(directory, name), text, options),
    },
    options,
  );
}

/** A PKI that is never written down: tests, throw-away clusters. */
export function createMemoryPki(options: PkiOptions): Promise<Pki> {
  const files = new Map<string, string>();
  return pkiIn({ read: (name) => files.get(name), write: (name, text) => files.set(name, text) }, options);
}

async function pkiIn(store: Store, options: PkiOptions): Promise<Pki> {
  const { nowMs } = options;
  const [clusterAuthority, frontProxyAuthority] = await Promise.all([
    authority(store, "ca", "kubernetes", nowMs),
    authority(store, "front-proxy-ca", "front-proxy-ca", nowMs),
  ]);
  const client = (file: string, subject: Subject, issuer = clusterAuthority) =>
    leaf(store, nowMs, { file, subject, issuer });
  const [serving, frontProxyClient, kubeletClient, admin, scheduler, controllerManager, proxy] =
    await Promise.all([
      leaf(store, nowMs, {
        file: "apiserver",
        subject: { commonName: "kube-apiserver" },
        issuer: clusterAuthority,
        names: servingNames(options),
      }),
      client("front-proxy-client", { commonName: "front-proxy-client" }, frontProxyAuthority),
      client("apiserver-kubelet-client", {
        commonName: "kube-apiserver-kubelet-client",
        organizations: ["system:masters"],
      }),
      client("admin", { commonName: "kubernetes-admin", organizations: ["system:masters"] }),
      client("scheduler", { commonName: "system:kube-scheduler" }),
      client("controller-manager", { commonName: "system:kube-controller-manager" }),
      client("kube-proxy", { commonName: "system:kube-proxy" }),
    ]);
  return {
    clusterAuthority,
    frontProxyAuthority,
    serving,
    frontProxyClient,
    kubeletClient,
    admin,
    scheduler,
    controllerManager,
    proxy,
    serviceAccountKey: serviceAccountKey(store),
    node: (name, addresses) => node(store, nowMs, { name, addresses, issuer: clusterAuthority }),
  };
}

async function node(
  store: Store,
  nowMs: number,
  wanted: { readonly name: string; readonly addresses: readonly string[]; readonly issuer: Credential },
): Promise<NodeCredentials> {
  const { name, addresses, issuer } = wanted;
  const subject = { commonName: `system:node:${name}`, organizations: ["system:nodes"] };
  const names = [...new Set([name, ...addresses])];
  const [client, serving] = await Promise.all([
    leaf(store, nowMs, { file: `node-${name}`, subject, issuer }),
    leaf(store, nowMs, { file: `node-${name}-serving`, subject, issuer, names }),
  ]);
  return { client, serving };
}

function servingNames(options: PkiOptions): string[] {
  const domain = options.clusterDomain ?? "cluster.local";
  return [
    ...new Set([
      "kubernetes",
      "kubernetes.default",
      "kubernetes.default.svc",
      `kubernetes.default.svc.${domain}`,
      "localhost",
      "127.0.0.1",
      "::1",
      ...(options.serviceAddresses ?? ["10.96.0.1"]),
      ...(options.servingNames ?? []),
    ]),
  ];
}

/** An authority is made once and never replaced: everything else hangs on it. */
async function authority(store: Store, file: string, commonName: string, nowMs: number): Promise<Credential> {
  const certificate = store.read(`${file}.crt`);
  const key = store.read(`${file}.key`);
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  if (certificate !== undefined)
    throw new Error(`${file}.crt has no ${file}.key beside it: put the key there, or remove the certificate`);
  // A start that was cut short may have left the key alone: it is used.
  const kept = key === undefined ? undefined : createPrivateKey(key);
  const made = await createAuthority(commonName, nowMs, kept);
  store.write(`${file}.key`, made.key);
  store.write(`${file}.crt`, made.certificate);
  return made;
}

function serviceAccountKey(store: Store): string {
  const existing = store.read("sa.key");
  if (existing !== undefined) return existing;
  const made = generateTokenKey();
  store.write("sa.key", made);
  store.write("sa.pub", publicKeyPem(made));
  return made;
}

interface Leaf {
  readonly file: string;
  readonly subject: Subject;
  readonly issuer: Credential;
  /** Subject alternative names make it a serving certificate; absent: a client certificate. */
  readonly names?: readonly string[];
}

async function leaf(store: Store, nowMs: number, wanted: Leaf): Promise<Credential> {
  const certificate = store.read(`${wanted.file}.crt`);
  const key = store.read(`${wanted.file}.key`);
  if (certificate !== undefined && key !== undefined) {
    const existing = { certificate, key };
    if (isUsable(existing, wanted, nowMs)) return existing;
  }
  const made = await (wanted.names === undefined
    ? issueClientCertificate(wanted.issuer, wanted.subject, { nowMs })
    : issueServingCertificate(wanted.issuer, wanted.subject, wanted.names, { nowMs }));
  // Certificates that cannot be read are made anew: a dozen pairs need not wait for the disk.
  store.write(`${wanted.file}.key`, made.key, { durable: false });
  store.write(`${wanted.file}.crt`, made.certificate, { durable: false });
  return made;
}

/** Still good for a while, for every name, by this authority, and with the right key: the pair is two files. */
function isUsable(credential: Credential, wanted: Leaf, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(credential.certificate);
    const issuer = new X509Certificate(wanted.issuer.certificate);
    return (
      Date.parse(certificate.validTo) - nowMs > renewBeforeMs &&
      certificate.checkIssued(issuer) &&
      certificate.verify(issuer.publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(credential.key)) &&
      (wanted.names ?? []).every((name) => covers(certificate, name))
    );
  } catch {
    // A file that cannot be read as a certificate or key is made anew.
    return false;
  }
}

function covers(certificate: X509Certificate, name: string): boolean {
  return certificate.checkHost(name) !== undefined || certificate.checkIP(name) !== undefined;
}
