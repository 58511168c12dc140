import type { BoundObjectReference, TokenRequest } from "../../api/authentication/types.generated.ts";
import type { Pod, ServiceAccount } from "../../api/core/types.generated.ts";
import { nodes, pods, secrets, serviceAccounts } from "../../api/resources.generated.ts";
import {
  type ApiError,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  isApiError,
} from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import { encodeClaims, type ObjectIdentity, type TokenGrant } from "../authentication/token-claims.ts";
import type { CreateHandler } from "../stages.ts";

export interface TokenRequestDependencies {
  readonly client: Client;
  readonly sign: (claims: object) => Promise<string>;
  readonly now: () => number;
  readonly uuid: () => string;
  readonly issuer: string;
  /** The API server's own: what a request without audiences gets. */
  readonly audiences: readonly string[];
  /** What longer lives are shortened to, with a warning. */
  readonly maxSeconds?: number;
  /** Whether tokens that pods ask for live longer than they say; true unless said. */
  readonly extendsPodTokens?: boolean;
}

const minSeconds = 600;
const maxSeconds = 2 ** 32;
const defaultSeconds = 3600;
/**
 * What the ServiceAccount plugin asks for pods. Such a token lives for a year, for clients that read it only once; its
 * use after this time is what is warned about.
 */
export const podTokenSeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

/** POST serviceaccounts/NAME/token: makes a token bound to the account and, if wanted, to a pod, secret or node. */
export function tokenRequestHandler(dependencies: TokenRequestDependencies): CreateHandler {
  return {
    group: "",
    resource: "serviceaccounts",
    subresource: "token",
    async create(object, { requestInfo: { namespace, name }, warn }) {
      // The server decoded the body as the kind that the subresource has.
      const request = object as AnyObject & TokenRequest;
      const error = requestError(request, namespace, name);
      if (error !== undefined) throw error;
      const account = await dependencies.client.get(serviceAccounts, { namespace, name });
      const bound = await boundObjects(dependencies.client, request.spec.boundObjectRef, account);
      const audiences = nonEmpty(request.spec.audiences) ?? dependencies.audiences;
      const seconds = shortened(
        request.spec.expirationSeconds ?? defaultSeconds,
        dependencies.maxSeconds ?? maxSeconds,
        warn,
      );
      const extended =
        dependencies.extendsPodTokens !== false &&
        bound.pod !== undefined &&
        seconds === podTokenSeconds &&
        audiences.every((a) => dependencies.audiences.includes(a));
      const grant: TokenGrant = {
        issuer: dependencies.issuer,
        audiences,
        namespace,
        serviceAccount: identityOf(account),
        ...bound,
        expirationSeconds: extended ? extendedSeconds : seconds,
        ...(extended ? { warnAfterSeconds: seconds } : {}),
        id: dependencies.uuid(),
      };
      const nowMs = dependencies.now();
      return {
        ...request,
        metadata: { name, namespace, creationTimestamp: rfc3339(nowMs) },
        spec: { ...request.spec, audiences, expirationSeconds: seconds },
        status: {
          token: await dependencies.sign(encodeClaims(grant, nowMs)),
          expirationTimestamp: rfc3339(nowMs + seconds * 1000),
        },
      };
    },
  };
}

function shortened(asked: number, most: number, warn: (text: string) => void): number {
  if (asked <= most) return asked;
  warn(`requested expiration of ${asked} seconds shortened to ${most} seconds`);
  return most;
}

function nonEmpty(values: readonly string[] | undefined): readonly string[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values;
}

function identityOf(object: KubeObject): ObjectIdentity {
  return { name: object.metadata.name ?? "", uid: object.metadata.uid ?? "" };
}

/** What is wrong with a request before anything is looked up. */
function requestError(request: TokenRequest, namespace: string, name: string): ApiError | undefined {
  const { metadata, spec } = request;
  if (metadata.name !== undefined && metadata.name !== "" && metadata.name !== name)
    return badRequest(`name in URL does not match name in TokenRequest.metadata.name: ${metadata.name}`);
  if (metadata.namespace !== undefined && metadata.namespace !== "" && metadata.namespace !== namespace)
    return badRequest(
      `namespace in URL does not match namespace in TokenRequest.metadata.namespace: ${metadata.namespace}`,
    );
  const seconds = spec.expirationSeconds ?? defaultSeconds;
  const problem = (text: string): FieldError => ({
    type: "FieldValueInvalid",
    field: "spec.expirationSeconds",
    message: `Invalid value: ${seconds}: ${text}`,
  });
  const errors: FieldError[] = [];
  if (seconds < minSeconds) errors.push(problem("may not specify a duration less than 10 minutes"));
  if (seconds > maxSeconds) errors.push(problem("may not specify a duration larger than 2^32 seconds"));
  return errors.length === 0
    ? undefined
    : invalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, metadata.name ?? "", errors);
}

async function boundObjects(
  client: Client,
  reference: BoundObjectReference | undefined,
  account: ServiceAccount,
): Promise<Pick<TokenGrant, "pod" | "secret" | "node">> {
  if (reference === undefined) return {};
  const { apiVersion = "", kind = "" } = reference;
  const namespace = account.metadata.namespace ?? "";
  if (apiVersion !== "v1" || !["Pod", "Secret", "Node"].includes(kind))
    throw badRequest(`cannot bind token to object of type ${groupVersionOf(apiVersion)}, Kind=${kind}`);
  if (kind === "Secret") {
    const secret = await boundObject(client, secrets, reference, namespace);
    return { secret: identityOf(secret) };
  }
  if (kind === "Node") return { node: identityOf(await boundObject(client, nodes, reference)) };
  const pod = await boundObject(client, pods, reference, namespace);
  if (pod.spec.serviceAccountName !== account.metadata.name)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
    );
  const node = await nodeOfPod(client, pod);
  return { pod: identityOf(pod), ...(node === undefined ? {} : { node }) };
}

/** As Go prints it: the core group is the empty one. */
function groupVersionOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
}

async function boundObject<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  reference: BoundObjectReference,
  namespace?: string,
): Promise<T> {
  const { name = "", uid } = reference;
  const object = await client.get(type, namespace === undefined ? { name } : { namespace, name });
  if (uid !== undefined && uid !== "" && uid !== object.metadata.uid)
    throw conflict(
      { group: "", resource: reference.kind ?? "" },
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  return object;
}

/** The node is only noted: a pod whose node is gone still gets its token. */
async function nodeOfPod(client: Client, pod: Pod): Promise<ObjectIdentity | undefined> {
  const name = pod.spec.nodeName;
  if (name === undefined || name === "") return undefined;
  try {
    return identityOf(await client.get(nodes, { name }));
  } catch (error) {
    if (isApiError(error, "NotFound")) return { name, uid: "" };
    throw error;
  }
}
