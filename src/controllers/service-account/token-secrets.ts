import { secretTokenFor } from "../../api/core/secret-token.ts";
import type { Secret, ServiceAccount } from "../../api/core/types.generated.ts";
import { secrets, serviceAccounts } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { type AnyObject, objectKey, type ResourceType } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { type Intent, remove, update } from "../framework/intent.ts";

const tokenSecretType = "kubernetes.io/service-account-token";
const accountNameAnnotation = "kubernetes.io/service-account.name";
const accountUidAnnotation = "kubernetes.io/service-account.uid";

/** A token of the API's own making must end: ten years, and the secret's own life, come near enough. */
const tokenLifetimeSeconds = 10 * 365 * 24 * 3600;

export interface TokenSecretSnapshot {
  readonly secret: Secret;
  /** Undefined where it is gone, or another account has its name. */
  readonly account: ServiceAccount | undefined;
  /** A token for the secret, where it has none. */
  readonly newToken: string | undefined;
  /** PEM. */
  readonly rootCa: string | undefined;
}

/** Fills a secret that asks for a service account's token; deletes one whose account is gone. */
export function reconcileTokenSecret({ secret, account, newToken, rootCa }: TokenSecretSnapshot): Intent[] {
  if (account === undefined) return [remove(secrets, secret)];
  const { namespace = "" } = secret.metadata;
  const { uid = "" } = account.metadata;
  const data = {
    ...secret.data,
    ...(newToken === undefined ? {} : { token: btoa(newToken) }),
    ...(rootCa === undefined ? {} : { "ca.crt": btoa(rootCa) }),
    namespace: btoa(namespace),
  };
  const annotations = { ...secret.metadata.annotations, [accountUidAnnotation]: uid };
  return [update(secrets, secret, { ...secret, metadata: { ...secret.metadata, annotations }, data })];
}

/** Keys are those of secrets. */
export function tokenSecretController({
  client,
  informers,
  rootCa,
  signToken,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly rootCa: string | undefined;
  /** The cluster's key: its tokens last as long as their secret. Undefined: the API makes tokens that end. */
  readonly signToken: ((claims: object) => Promise<string>) | undefined;
}): Controller<TokenSecretSnapshot> {
  const secretInformer = informers.informer(secrets);
  const accountInformer = informers.informer(serviceAccounts);
  const isTokenSecret = (secret: Secret) =>
    secret.type === tokenSecretType && secret.metadata.annotations?.[accountNameAnnotation] !== undefined;
  return {
    name: "serviceaccount-token-controller",
    watches: [
      watch(secretInformer, (secret) => (isTokenSecret(secret) ? [objectKey(secret)] : [])),
      watch(accountInformer, ({ metadata }) =>
        secretInformer.lister
          .list({ namespace: metadata.namespace ?? "" })
          .filter((secret) => isTokenSecret(secret) && accountOf(secret).name === metadata.name)
          .map(objectKey),
      ),
    ],
    async observe(key) {
      const secret = secretInformer.lister.get(key);
      if (secret === undefined || !isTokenSecret(secret) || secret.metadata.deletionTimestamp !== undefined) {
        return undefined;
      }
      const account = await findAccount(client, secret);
      const needsToken = account !== undefined && secret.data?.token === undefined;
      const newToken = needsToken
        ? await (signToken === undefined
            ? requestToken(client, secret)
            : signToken(claimsFor(secret, account)))
        : undefined;
      return { secret, account, newToken, rootCa };
    },
    reconcile: reconcileTokenSecret,
  };
}

function claimsFor(secret: Secret, { metadata }: ServiceAccount): object {
  const { namespace = "", name = "", uid = "" } = metadata;
  return secretTokenFor(secret.metadata.name ?? "", { namespace, name, uid });
}

function accountOf({ metadata: { namespace = "", annotations } }: Secret) {
  return { namespace, name: annotations?.[accountNameAnnotation] ?? "" };
}

/** Asked live: a cache that is behind would have a secret deleted that was made together with its account. */
async function findAccount(client: Client, secret: Secret): Promise<ServiceAccount | undefined> {
  const uid = secret.metadata.annotations?.[accountUidAnnotation];
  try {
    const account = await client.get(serviceAccounts, accountOf(secret));
    return uid === undefined || uid === account.metadata.uid ? account : undefined;
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

async function requestToken(client: Client, secret: Secret): Promise<string | undefined> {
  const { name = "", uid = "" } = secret.metadata;
  const type = serviceAccounts as unknown as ResourceType; // Only its place in the API counts here.
  const answer = await client.createSubresource<AnyObject & { status?: { token?: string } }>(
    type,
    accountOf(secret),
    "token",
    {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: {
        audiences: [],
        expirationSeconds: tokenLifetimeSeconds,
        boundObjectRef: { kind: "Secret", apiVersion: "v1", name, uid },
      },
    } as AnyObject,
  );
  return answer.status?.token;
}
