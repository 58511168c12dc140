import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { AdmissionPlugins } from "../../apiserver/admission/flagged-plugins.ts";
import { loadAdmissionPlugins } from "../../apiserver/admission/optional/load-plugins.ts";
import type { WebhookCredentials } from "../../apiserver/admission/webhooks/caller.ts";
import { userAt } from "../../apiserver/admission/webhooks/webhook-configuration.ts";
import { ConfigurationError } from "../../apiserver/configuration/strict-decode.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { impersonationHeaders, type KubeconfigUser } from "../../client/kubeconfig.ts";
import { loadKubeconfig } from "../../client/transport/connect.ts";
import { userCredentials } from "../../client/transport/connection.ts";
import type { Credentials } from "../../client/transport/credentials.ts";
import { UserError } from "../user-error.ts";
import type { AdmissionOptions } from "./operation-options.ts";
import { reviewCallerFor } from "./review-callers.ts";

export interface AdmissionComposition {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends calls that are under way. */
  readonly signal: AbortSignal;
}

/** Loads the plugins that flags ask for and what they are told. Throws UserError. */
export async function composeAdmission(
  { enabled, disabled, configFile, tolerationSeconds }: AdmissionOptions,
  dependencies: AdmissionComposition,
): Promise<AdmissionPlugins> {
  const directory = configFile === undefined ? "." : dirname(configFile);
  try {
    const plugins = await loadAdmissionPlugins({
      enabled,
      disabled,
      ...(configFile === undefined ? {} : { configuration: await text(configFile) }),
      files: {
        read: (path) => text(resolve(directory, path)),
        credentials: (kubeconfig) => configured(() => webhookCredentials(kubeconfig)),
        callerFor: (kubeconfig, { firstDelayMs }) =>
          configured(() => reviewCallerFor(kubeconfig, { ...dependencies, firstDelayMs })),
      },
    });
    return { ...plugins, ...(tolerationSeconds && { tolerationSeconds }) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new UserError(`failed to read plugin config: ${error.message}`, { cause: error });
  }
}

/** What is wrong with a file that a configuration names is wrong with the configuration. */
async function configured<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ConfigurationError(error instanceof Error ? error.message : String(error));
  }
}

/** Of each user of the kubeconfig once: tokens and certificates in files are followed. */
async function webhookCredentials(path: string): Promise<WebhookCredentials> {
  const kubeconfig = await loadKubeconfig([path]);
  const known = new Map<KubeconfigUser, Promise<Credentials>>();
  return async (hostPort) => {
    const user = userAt(kubeconfig, hostPort);
    if (user === undefined) return { headers: {} };
    const found = known.get(user) ?? userCredentials(user);
    known.set(user, found);
    const credentials = await found;
    const authorization = await credentials.authorization();
    const certificate = await credentials.clientCertificate();
    return {
      headers: { ...impersonationHeaders(user), ...(authorization === undefined ? {} : { authorization }) },
      ...(certificate === undefined ? {} : { certificate }),
    };
  };
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`unable to read admission control configuration from "${path}" [${why}]`, {
      cause: error,
    });
  }
}
