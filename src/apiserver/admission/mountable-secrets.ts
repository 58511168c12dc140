import type { PodSpec, ServiceAccount } from "../../api/core/types.generated.ts";

const annotation = "kubernetes.io/enforce-mountable-secrets";

/** How messages call each kind of container. */
const containerNames = {
  initContainers: "init container",
  containers: "container",
  ephemeralContainers: "ephemeral container",
} as const;

/**
 * The deprecated restriction of a pod to the secrets that its service account lists: the first one that it does not, in the order
 * of upstream. Undefined: there is none, or the account asks for no restriction. Ephemeral containers are judged by themselves.
 */
export function unlistedSecret(
  spec: PodSpec,
  { metadata, secrets = [], imagePullSecrets = [] }: ServiceAccount,
  kinds: readonly (keyof typeof containerNames)[],
): string | undefined {
  if (metadata?.annotations?.[annotation] !== "true") return undefined;
  const listed = new Set(secrets.map(({ name }) => name));
  const refused = (what: string, name: string) =>
    `${what} secret.secretName="${name}" is not allowed because service account ${metadata.name ?? ""} does not reference that secret`;
  if (!kinds.includes("ephemeralContainers"))
    for (const { secret } of spec.volumes ?? [])
      if (secret !== undefined && !listed.has(secret.secretName))
        return refused("volume with", secret.secretName ?? "");
  for (const kind of kinds)
    for (const { name, env = [], envFrom = [] } of spec[kind] ?? []) {
      const what = `${containerNames[kind]} ${name}`;
      for (const { name: variable, valueFrom } of env) {
        const { secretKeyRef } = valueFrom ?? {};
        if (secretKeyRef !== undefined && !listed.has(secretKeyRef.name))
          return refused(`${what} with envVar ${variable} referencing`, secretKeyRef.name ?? "");
      }
      for (const { secretRef } of envFrom)
        if (secretRef !== undefined && !listed.has(secretRef.name))
          return refused(`${what} with envFrom referencing`, secretRef.name ?? "");
    }
  if (kinds.includes("ephemeralContainers")) return undefined;
  const pullable = new Set(imagePullSecrets.map(({ name }) => name));
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries())
    if (!pullable.has(name))
      return `imagePullSecrets[${index}].name="${name ?? ""}" is not allowed because service account ${metadata.name ?? ""} does not reference that imagePullSecret`;
  return undefined;
}
