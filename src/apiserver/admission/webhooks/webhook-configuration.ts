/** What `--admission-control-config-file` says of the webhook plugins: a kubeconfig with credentials by host. */
import type { Kubeconfig, KubeconfigUser } from "../../../client/kubeconfig.ts";
import {
  ConfigurationError,
  type ConfigurationKind,
  decodeDocument,
} from "../../configuration/strict-decode.ts";

const webhookConfiguration: ConfigurationKind = {
  kind: "WebhookAdmissionConfiguration",
  apiVersions: ["apiserver.config.k8s.io/v1"],
  fields: { kubeConfigFile: "string", staticManifestsDir: "string" },
};

/** The path of the kubeconfig; undefined: none is named. Throws ConfigurationError. */
export function kubeconfigFileOf(document: unknown): string | undefined {
  const { kubeConfigFile = "", staticManifestsDir = "" } = decodeDocument(document, webhookConfiguration) as {
    kubeConfigFile?: string; // the shape was checked
    staticManifestsDir?: string;
  };
  if (kubeConfigFile !== "" && !kubeConfigFile.startsWith("/"))
    throw new ConfigurationError(
      `kubeConfigFile: Invalid value: ${JSON.stringify(kubeConfigFile)}: must be an absolute file path`,
    );
  if (staticManifestsDir !== "")
    throw new ConfigurationError(
      "staticManifestsDir: Forbidden: staticManifestsDir requires the ManifestBasedAdmissionControlConfig feature gate to be enabled",
    );
  return kubeConfigFile === "" ? undefined : kubeConfigFile;
}

/**
 * The user whose name fits "host:port" best: itself, "*." and what follows a dot of it, both without the port where that is
 * 443, then "*", then the current context's. Undefined: nobody in particular.
 */
export function userAt(
  { users, contexts, currentContext }: Kubeconfig,
  hostPort: string,
): KubeconfigUser | undefined {
  const host = hostPort.endsWith(":443") ? hostPort.slice(0, -":443".length) : undefined;
  const names = [
    ...namesFor(hostPort),
    ...(host === undefined ? [] : namesFor(host)),
    "*",
    contexts[currentContext]?.user ?? "",
  ];
  return names.map((name) => (Object.hasOwn(users, name) ? users[name] : undefined)).find((user) => user);
}

function namesFor(target: string): string[] {
  const steps = target.split(".");
  return [target, ...steps.slice(1).map((_, index) => `*.${steps.slice(index + 1).join(".")}`)];
}
