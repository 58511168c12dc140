import { readTextFile, writePrivateFile } from "./files.ts";
import type { Credential } from "./x509.ts";

export interface KubeconfigOptions {
  /** "https://127.0.0.1:6443". */
  readonly server: string;
  /** The PEM of the authority that signed the server's certificate. */
  readonly certificateAuthority: string;
  readonly clusterName?: string;
  readonly userName: string;
  readonly client: Credential;
}

/** A kubeconfig with everything inline, so that it can be copied anywhere. Plain YAML, written without a library. */
export function renderKubeconfig(options: KubeconfigOptions): string {
  const cluster = options.clusterName ?? "k8ts";
  const context = `${options.userName}@${cluster}`;
  const base64 = (pem: string) => Buffer.from(pem).toString("base64");
  return `apiVersion: v1
kind: Config
clusters:
- name: ${cluster}
  cluster:
    server: ${options.server}
    certificate-authority-data: ${base64(options.certificateAuthority)}
users:
- name: ${options.userName}
  user:
    client-certificate-data: ${base64(options.client.certificate)}
    client-key-data: ${base64(options.client.key)}
contexts:
- name: ${context}
  context:
    cluster: ${cluster}
    user: ${options.userName}
current-context: ${context}
preferences: {}
`;
}

/** Writes it for its owner alone, atomically; an unchanged file is left as it is. */
export function writeKubeconfig(path: string, options: KubeconfigOptions): void {
  const text = renderKubeconfig(options);
  if (readTextFile(path) !== text) writePrivateFile(path, text);
}
