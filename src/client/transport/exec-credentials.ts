import { spawn } from "node:child_process";
import type { ExecConfig, KubeconfigCluster } from "../kubeconfig.ts";
import type { ClientCertificate, Credentials } from "./credentials.ts";

interface ExecStatus {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
  readonly expirationTimestamp?: string;
}

const outputLimitBytes = 1024 * 1024;
const runLimitMs = 60_000;

/**
 * Credentials from a program (client-go's exec plugins, `client.authentication.k8s.io`): run when first needed, when they
 * expire and when the server refuses them; never twice at once.
 */
export function execCredentials(
  config: ExecConfig,
  cluster: KubeconfigCluster & { readonly caData?: string | undefined },
): Credentials {
  let known: ExecStatus | undefined;
  let running: Promise<ExecStatus> | undefined;

  async function status(): Promise<ExecStatus> {
    if (known !== undefined && !isExpired(known)) return known;
    running ??= runPlugin(config, cluster).finally(() => {
      running = undefined;
    });
    known = await running;
    return known;
  }

  return {
    async authorization() {
      return bearerOf(await status());
    },
    async clientCertificate(): Promise<ClientCertificate | undefined> {
      const { clientCertificateData: cert, clientKeyData: key } = await status();
      return cert === undefined || key === undefined ? undefined : { cert, key };
    },
    rejected(used) {
      // Of many requests that are refused together only the first has it run again.
      if (known === undefined || used === undefined || bearerOf(known) === used) known = undefined;
      return true;
    },
  };
}

function bearerOf({ token }: ExecStatus): string | undefined {
  return token === undefined || token === "" ? undefined : `Bearer ${token}`;
}

/** Not sooner: a plugin that keeps what it has until then would be run for each request. What comes too late is a 401. */
function isExpired({ expirationTimestamp }: ExecStatus): boolean {
  return typeof expirationTimestamp === "string" && Date.parse(expirationTimestamp) < Date.now();
}

async function runPlugin(
  config: ExecConfig,
  cluster: KubeconfigCluster & { readonly caData?: string | undefined },
): Promise<ExecStatus> {
  const hasTerminal = process.stdin.isTTY === true;
  if (config.interactiveMode === "Always" && !hasTerminal)
    throw new Error(`credential plugin ${config.command}: needs a terminal, and there is none`);
  const interactive = hasTerminal && config.interactiveMode !== "Never";
  const { code, output } = await capture(config, interactive, {
    apiVersion: config.apiVersion,
    kind: "ExecCredential",
    spec: {
      ...(config.provideClusterInfo === true ? { cluster: clusterInfo(cluster) } : {}),
      interactive,
    },
  });
  if (code !== 0) throw new Error(`credential plugin ${config.command} ended with exit code ${code}`);
  return readStatus(config, output);
}

function readStatus(config: ExecConfig, output: string): ExecStatus {
  let credential: { readonly apiVersion?: unknown; readonly status?: ExecStatus } | null;
  try {
    credential = JSON.parse(output) as typeof credential; // every field is checked below
  } catch (error) {
    throw new Error(`credential plugin ${config.command} did not print JSON`, { cause: error });
  }
  if (credential?.apiVersion !== config.apiVersion)
    throw new Error(
      `credential plugin ${config.command} printed version ${String(credential?.apiVersion)}, ${config.apiVersion} is configured`,
    );
  const { status } = credential;
  if (status === undefined || (status.token === undefined && status.clientCertificateData === undefined))
    throw new Error(`credential plugin ${config.command} printed neither a token nor a certificate`);
  if ((status.clientCertificateData === undefined) !== (status.clientKeyData === undefined))
    throw new Error(`credential plugin ${config.command} printed only one of certificate and key`);
  const { expirationTimestamp: expiry } = status;
  if (typeof expiry === "string" && Number.isNaN(Date.parse(expiry)))
    throw new Error(`credential plugin ${config.command} printed the expirationTimestamp ${expiry}`);
  return status;
}

function capture(
  config: ExecConfig,
  interactive: boolean,
  info: object,
): Promise<{ code: number | null; output: string }> {
  const { command, args, env, installHint } = config;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...(args ?? [])], {
      env: {
        ...process.env,
        ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: JSON.stringify(info),
      },
      stdio: [interactive ? "inherit" : "ignore", "pipe", "inherit"],
      // Someone who types takes their time.
      ...(interactive ? {} : { timeout: runLimitMs }),
    });
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    child.stdout.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > outputLimitBytes) child.kill();
    });
    child.once("error", (error) => {
      const hint = installHint === undefined ? "" : `\n${installHint}`;
      reject(
        new Error(`credential plugin ${command} could not be run: ${error.message}${hint}`, { cause: error }),
      );
    });
    child.once("close", (code) => resolve({ code, output: Buffer.concat(chunks).toString("utf8") }));
  });
}

function clusterInfo(cluster: KubeconfigCluster & { readonly caData?: string | undefined }): object {
  const { server, caData } = cluster;
  const extension = cluster.extensions?.find(({ name }) => name === "client.authentication.k8s.io/exec");
  return {
    server,
    ...(cluster["tls-server-name"] === undefined ? {} : { "tls-server-name": cluster["tls-server-name"] }),
    ...(cluster["insecure-skip-tls-verify"] === true ? { "insecure-skip-tls-verify": true } : {}),
    ...(caData === undefined ? {} : { "certificate-authority-data": Buffer.from(caData).toString("base64") }),
    ...(cluster["proxy-url"] === undefined ? {} : { "proxy-url": cluster["proxy-url"] }),
    ...(cluster["disable-compression"] === true ? { "disable-compression": true } : {}),
    ...(extension === undefined ? {} : { config: extension.extension }),
  };
}
