import type { Pod } from "../api/core/types.generated.ts";
import { decodeBase64 } from "../base/base64.ts";
import type { RegistryAuth } from "./cri/runtime.ts";
import type { ReferencedObjects } from "./referenced-objects.ts";

interface DockerConfig {
  readonly auths?: Readonly<
    Record<string, { readonly username?: string; readonly password?: string; readonly auth?: string }>
  >;
}

/** The credentials for a registry that a pod's pull secrets hold, in the order they are named. */
export function pullCredentials(
  pod: Pod,
  registry: string,
  objects: Pick<ReferencedObjects, "secret">,
): RegistryAuth[] {
  const { namespace = "" } = pod.metadata;
  const found: RegistryAuth[] = [];
  for (const { name = "" } of pod.spec.imagePullSecrets ?? []) {
    const data = objects.secret(namespace, name)?.data ?? {};
    const current = data[".dockerconfigjson"];
    const legacy = data[".dockercfg"];
    const config =
      current !== undefined
        ? parse(current)
        : legacy !== undefined
          ? { auths: parse(legacy) as DockerConfig["auths"] }
          : {};
    for (const [server, auth] of Object.entries(config.auths ?? {})) {
      if (hostOf(server) === hostOf(registry)) found.push(registryAuth(auth));
    }
  }
  return found;
}

function parse(base64: string): DockerConfig {
  try {
    return JSON.parse(new TextDecoder().decode(decodeBase64(base64))) as DockerConfig;
  } catch {
    // A broken secret is as good as none; the pull then says that it was not allowed.
    return {};
  }
}

/** Without the server's address, as upstream: containerd reads it as a URL, and a bare host would match no registry. */
function registryAuth(entry: {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
}): RegistryAuth {
  const [user = "", password = ""] =
    entry.auth === undefined ? [] : splitOnce(new TextDecoder().decode(decodeBase64(entry.auth)));
  return { username: entry.username ?? user, password: entry.password ?? password };
}

function splitOnce(pair: string): [string, string] {
  const colon = pair.indexOf(":");
  return colon < 0 ? [pair, ""] : [pair.slice(0, colon), pair.slice(colon + 1)];
}

/** Docker Hub goes by several names. */
function hostOf(server: string): string {
  const host = server.replace(/^https?:\/\//, "").split("/")[0] ?? "";
  return host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
}
