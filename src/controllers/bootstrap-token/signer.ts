import { isBootstrapToken, readBootstrapToken } from "../../api/core/bootstrap-token.ts";
import type { ConfigMap, Secret } from "../../api/core/types.generated.ts";
import { configMaps, secrets } from "../../api/resources.generated.ts";
import type { Clock } from "../../base/clock.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { type Intent, update } from "../framework/intent.ts";

/** What joining nodes trust: a kubeconfig that everybody may read, signed with each token that somebody may join with. */
const clusterInfo = { namespace: "kube-public", name: "cluster-info" };
const contentKey = "kubeconfig";
const signaturePrefix = "jws-kubeconfig-";

/** The secrets of the tokens that sign now, by their id. */
export function signingTokens(all: readonly Secret[], nowMs: number): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>();
  for (const object of all) {
    if (!isBootstrapToken(object)) continue;
    const { id, secret, expiresAtMs, signs } = readBootstrapToken(object);
    const isNamedAfterIt = object.metadata.name === `bootstrap-token-${id}` && /^[a-z0-9]{6}$/.test(id);
    if (isNamedAfterIt && secret !== "" && signs && expiresAtMs > nowMs) tokens.set(id, secret);
  }
  return tokens;
}

interface SigningSnapshot {
  readonly configMap: ConfigMap;
  /** By the token's id. */
  readonly signatures: ReadonlyMap<string, string>;
}

/** The config map holds one signature for each token, and no other. */
export function reconcileSignatures({ configMap, signatures }: SigningSnapshot): Intent[] {
  const others = Object.entries(configMap.data ?? {}).filter(([key]) => !key.startsWith(signaturePrefix));
  const signed = [...signatures].map(([id, signature]) => [signaturePrefix + id, signature] as const);
  const data = Object.fromEntries([...others, ...signed]);
  return [update(configMaps, configMap, { ...configMap, data }, { ignore: ["NotFound"] })];
}

/** There is one key: the config map's. */
export function bootstrapSigner({
  informers,
  clock,
}: {
  readonly informers: InformerFactory;
  readonly clock: Clock;
}): Controller<SigningSnapshot> {
  const secretInformer = informers.informer(secrets);
  const configMapInformer = informers.informer(configMaps);
  const key = `${clusterInfo.namespace}/${clusterInfo.name}`;
  return {
    name: "bootstrap-signer-controller",
    workers: 1,
    watches: [
      watch(configMapInformer, ({ metadata: { namespace, name } }) =>
        namespace === clusterInfo.namespace && name === clusterInfo.name ? [key] : [],
      ),
      watch(secretInformer, (secret) => (isBootstrapToken(secret) ? [key] : [])),
    ],
    async observe() {
      const configMap = configMapInformer.lister.get(key);
      const content = configMap?.data?.[contentKey];
      if (configMap === undefined || content === undefined) return undefined;
      const tokens = signingTokens(secretInformer.lister.list({ namespace: "kube-system" }), clock.now());
      const signed = [...tokens].map(
        async ([id, secret]) => [id, await detachedSignature(content, id, secret)] as const,
      );
      return { configMap, signatures: new Map(await clock.hold(Promise.all(signed))) };
    },
    reconcile: reconcileSignatures,
  };
}

const encoder = new TextEncoder();

/** A JSON Web Signature (HS256) without its payload: whoever checks it has the content. */
export async function detachedSignature(
  content: string,
  tokenId: string,
  tokenSecret: string,
): Promise<string> {
  const header = base64Url(encoder.encode(JSON.stringify({ alg: "HS256", kid: tokenId })));
  const payload = base64Url(encoder.encode(content));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(tokenSecret), algorithm, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(`${header}.${payload}`));
  return `${header}..${base64Url(new Uint8Array(signature))}`;
}

function base64Url(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
