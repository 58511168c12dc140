import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { AdmissionPlugins } from "../../apiserver/admission/flagged-plugins.ts";
import { loadAdmissionPlugins } from "../../apiserver/admission/optional/load-plugins.ts";
import { ConfigurationError } from "../../apiserver/configuration/strict-decode.ts";
import { UserError } from "../user-error.ts";
import type { AdmissionOptions } from "./operation-options.ts";

/** Loads the plugins that flags ask for and what they are told. Throws UserError. */
export async function composeAdmission({
  enabled,
  disabled,
  configFile,
}: AdmissionOptions): Promise<AdmissionPlugins> {
  const directory = configFile === undefined ? "." : dirname(configFile);
  try {
    return await loadAdmissionPlugins({
      enabled,
      disabled,
      ...(configFile === undefined ? {} : { configuration: await text(configFile) }),
      read: (path) => text(resolve(directory, path)),
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new UserError(`failed to read plugin config: ${error.message}`, { cause: error });
  }
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
