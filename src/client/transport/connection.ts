import { readFile } from "node:fs/promises";
import {
  type ExecConfig,
  impersonationHeaders,
  type KubeconfigCluster,
  type KubeconfigUser,
  type ResolvedContext,
} from "../kubeconfig.ts";
import {
  anonymous,
  basicAuth,
  bearerToken,
  type Credentials,
  certificate,
  certificateFiles,
  combined,
  tokenFile,
} from "./credentials.ts";
import { execCredentials } from "./exec-credentials.ts";
import type { HttpsTransportOptions } from "./https-transport.ts";
import { oidcCredentials } from "./oidc-credentials.ts";
import { isLocal } from "./proxy.ts";

/** What a kubeconfig's context says about how to reach its cluster, as options of a transport. Reads the files it names. */
export async function connectionOf({ cluster, user }: ResolvedContext): Promise<HttpsTransportOptions> {
  const caData = cluster["certificate-authority-data"];
  const caPath = cluster["certificate-authority"];
  if (!(isAbsent(caData) && isAbsent(caPath)) && cluster["insecure-skip-tls-verify"] === true)
    throw new Error(
      "kubeconfig: a certificate authority together with insecure-skip-tls-verify is not allowed",
    );
  const ca = await pemOf("certificate-authority", caData, caPath);
  const serverName = cluster["tls-server-name"];
  const proxyUrl = cluster["proxy-url"];
  const options = {
    server: cluster.server,
    // From a file it is followed: authorities are rotated too.
    ...(ca === undefined ? {} : isAbsent(caData) && !isAbsent(caPath) ? { caFile: caPath } : { ca }),
    ...(serverName === undefined ? {} : { tlsServerName: serverName }),
    ...(cluster["insecure-skip-tls-verify"] === true ? { insecureSkipTlsVerify: true } : {}),
    ...(proxyUrl === undefined || proxyUrl === "" ? { proxyFromEnvironment: true } : { proxyUrl }),
    ...(cluster["disable-compression"] === true ? { gzip: false } : {}),
    headers: impersonationHeaders(user),
  };
  const { protocol, hostname } = serverOf(cluster.server);
  // Nobody else on the network is to read them; client-go leaves them out as well.
  if (protocol !== "https:" && !isLocal(hostname)) return options;
  return { ...options, credentials: await credentialsOf(user, cluster, ca) };
}

/** Who a kubeconfig's user is, to a server of any name. */
export function userCredentials(user: KubeconfigUser): Promise<Credentials> {
  return credentialsOf(user, {}, undefined);
}

function serverOf(server: string): URL {
  const url = URL.parse(server);
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new Error(`kubeconfig: server ${JSON.stringify(server)} is not a URL such as https://host:6443`);
}

/** In kubectl's order: a client certificate beside whatever names the user; a token before a password, a plugin last. */
async function credentialsOf(
  user: KubeconfigUser,
  cluster: KubeconfigCluster,
  caData: string | undefined,
): Promise<Credentials> {
  const exec = user.exec === undefined ? undefined : checkedExec(user.exec, user);
  const certificates = await certificateOf(user);
  const authorizations = authorizationOf(user);
  const isKnown = certificates !== anonymous || authorizations !== anonymous;
  if (exec !== undefined && !isKnown) return execCredentials(exec, { ...cluster, caData });
  return combined(certificates, authorizations);
}

const execVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
const interactiveModes = ["Never", "IfAvailable", "Always"];

/** What clientcmd's validation says of an exec plugin; v1beta1 did not know interactiveMode yet. */
function checkedExec(exec: ExecConfig, user: KubeconfigUser): ExecConfig {
  const fail = (what: string) =>
    new Error(`kubeconfig: exec plugin ${JSON.stringify(exec.command ?? "")}: ${what}`);
  if (user["auth-provider"] !== undefined) throw fail("an auth-provider cannot be given beside it");
  if (isAbsent(exec.command)) throw fail("command must be specified");
  if (isAbsent(exec.apiVersion)) throw fail("apiVersion must be specified");
  if (!execVersions.includes(exec.apiVersion))
    throw fail(`invalid apiVersion ${JSON.stringify(exec.apiVersion)}`);
  const { interactiveMode } = exec;
  if (interactiveMode === undefined) {
    if (exec.apiVersion.endsWith("/v1")) throw fail("interactiveMode must be specified");
    return { ...exec, interactiveMode: "IfAvailable" };
  }
  if (!interactiveModes.includes(interactiveMode))
    throw fail(`invalid interactiveMode ${JSON.stringify(interactiveMode)}`);
  for (const { name } of exec.env ?? [])
    if (isAbsent(name)) throw fail("env variable name must be specified");
  return exec;
}

function authorizationOf(user: KubeconfigUser): Credentials {
  const { token, tokenFile: path, username, password, origin, "auth-provider": provider } = user;
  if (!isAbsent(path)) return tokenFile(path, isAbsent(token) ? undefined : token);
  if (!isAbsent(token)) return bearerToken(token);
  if (!isAbsent(username)) return basicAuth(username, password ?? "");
  if (provider?.name === "oidc") return oidcCredentials(provider.config ?? {}, origin);
  if (provider !== undefined)
    throw new Error(
      `kubeconfig: auth-provider ${JSON.stringify(provider.name)} is no longer supported; use exec`,
    );
  return anonymous;
}

async function certificateOf(user: KubeconfigUser): Promise<Credentials> {
  const certPath = user["client-certificate"];
  const keyPath = user["client-key"];
  const certData = user["client-certificate-data"];
  const keyData = user["client-key-data"];
  if (isAbsent(certData) && isAbsent(keyData) && !isAbsent(certPath) && !isAbsent(keyPath))
    return certificateFiles(certPath, keyPath);
  if ((isAbsent(certData) && isAbsent(certPath)) !== (isAbsent(keyData) && isAbsent(keyPath)))
    throw new Error("kubeconfig: a client certificate needs both its certificate and its key");
  const cert = await pemOf("client-certificate", certData, certPath);
  const key = await pemOf("client-key", keyData, keyPath);
  if (cert === undefined || key === undefined) return anonymous;
  return certificate({ cert, key });
}

function isAbsent(text: string | undefined): text is undefined | "" {
  return text === undefined || text === "";
}

/** Inline data before a file, as everywhere in kubeconfigs. */
async function pemOf(
  field: string,
  data: string | undefined,
  path: string | undefined,
): Promise<string | undefined> {
  const text = isAbsent(data)
    ? isAbsent(path)
      ? undefined
      : await readFile(path, "utf8").catch((error: Error) => {
          throw new Error(`kubeconfig: cannot read ${field}: ${error.message}`, { cause: error });
        })
    : Buffer.from(data, "base64").toString("utf8");
  if (text !== undefined && !text.includes("-----BEGIN "))
    throw new Error(`kubeconfig: ${isAbsent(data) ? `${field} ${path}` : `${field}-data`} holds no PEM`);
  return text;
}
