import type { BoundObjectReference, TokenRequest } from "../../api/authentication/types.generated.ts";
import type { Pod, ServiceAccount } from "../../api/core/types.generated.ts";
import { nodes, pods, secrets, serviceAccounts } from "../../api/resources.generated.ts";
import { badRequest, conflict, invalid, isApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeObject } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
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
  /** What even those are shortened to: longer ones the signer does not sign. */
  readonly maxExtendedSeconds: number;
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
    defaults: withDuration,
    async create(object, { requestInfo: { namespace, name }, warn, annotate }) {
      const request = withDuration(object);
      requireName(request, name);
      const account = await dependencies.client.get(serviceAccounts, { namespace, name });
      requireUid(request, account);
      requireDuration(request);
      const bound = await boundObjects(dependencies.client, request.spec.boundObjectRef, account);
      const audiences = nonEmpty(request.spec.audiences) ?? dependencies.audiences;
      const seconds = shortened(request.spec.expirationSeconds, dependencies.maxSeconds ?? maxSeconds, warn);
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
        expirationSeconds: extended ? Math.min(extendedSeconds, dependencies.maxExtendedSeconds) : seconds,
        ...(extended ? { warnAfterSeconds: seconds } : {}),
        id: dependencies.uuid(),
      };
      const nowMs = dependencies.now();
      const token = await dependencies.sign(encodeClaims(grant, nowMs));
      annotate?.("authentication.kubernetes.io/issued-credential-id", `JTI=${grant.id}`);
      return {
        ...request,
        metadata: { ...request.metadata, ...placeOf(account), creationTimestamp: rfc3339(nowMs) },
        spec: { boundObjectRef: null, ...request.spec, audiences, expirationSeconds: seconds },
        status: { token, expirationTimestamp: rfc3339(nowMs + seconds * 1000) },
      };
    },
  };
}

/** The request with how long the token is to live, which it need not say. */
function withDuration(object: AnyObject) {
  // The server decoded the body as the kind that the subresource has.
  const request = object as AnyObject & TokenRequest;
  return { ...request, spec: { expirationSeconds: defaultSeconds, ...request.spec } };
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

function placeOf({ metadata: { name = "", namespace = "", uid = "" } }: ServiceAccount) {
  return { name, namespace, uid };
}

const requestKind = { group: "authentication.k8s.io", kind: "TokenRequest" };

function requireName({ metadata }: TokenRequest, name: string): void {
  if (metadata.name === undefined || metadata.name === "" || metadata.name === name) return;
  const why = "must match the service account name if specified";
  throw invalid(requestKind, name, [field.invalid("metadata.name", metadata.name, why)]);
}

/** Whoever says which account is meant gets no token of one that was made anew under its name. */
function requireUid({ metadata: { uid } }: TokenRequest, { metadata: account }: ServiceAccount): void {
  if (uid === undefined || uid === "" || uid === account.uid) return;
  throw conflict(
    { group: requestKind.group, resource: requestKind.kind },
    account.name ?? "",
    `the UID in the token request (${uid}) does not match the UID of the service account (${account.uid})`,
  );
}

function requireDuration({ spec: { expirationSeconds = defaultSeconds } }: TokenRequest): void {
  const refuse = (why: string) => {
    throw invalid(requestKind, "", [field.invalid("spec.expirationSeconds", expirationSeconds, why)]);
  };
  if (expirationSeconds < minSeconds) refuse("may not specify a duration less than 10 minutes");
  if (expirationSeconds > maxSeconds) refuse("may not specify a duration larger than 2^32 seconds");
}

async function boundObjects(
  client: Client,
  reference: BoundObjectReference | undefined,
  account: ServiceAccount,
): Promise<Pick<TokenGrant, "pod" | "secret" | "node">> {
  if (reference === undefined) return {};
  const { apiVersion = "", kind = "" } = reference;
  const namespace = account.metadata.namespace ?? "";
  switch (apiVersion.includes("/") ? "" : kind) {
    case "Secret": {
      const secret = await client.get(secrets, { namespace, name: reference.name ?? "" });
      return { secret: boundIdentity(reference, secret) };
    }
    case "Node": {
      const node = await client.get(nodes, { name: reference.name ?? "" });
      return { node: boundIdentity(reference, node) };
    }
    case "Pod":
      return boundPod(client, reference, account);
    default:
      throw badRequest(`cannot bind token to object of type ${groupVersionOf(apiVersion)}, Kind=${kind}`);
  }
}

async function boundPod(
  client: Client,
  reference: BoundObjectReference,
  { metadata: { name, namespace = "" } }: ServiceAccount,
): Promise<Pick<TokenGrant, "pod" | "node">> {
  const pod = await client.get(pods, { namespace, name: reference.name ?? "" });
  if (pod.spec.serviceAccountName !== name)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    );
  const node = await nodeOfPod(client, pod);
  return { pod: boundIdentity(reference, pod), ...(node === undefined ? {} : { node }) };
}

/** As Go prints it: the core group is the empty one. */
function groupVersionOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
}

function boundIdentity(
  { kind = "", name = "", uid }: BoundObjectReference,
  object: KubeObject,
): ObjectIdentity {
  if (uid !== undefined && uid !== "" && uid !== object.metadata.uid)
    throw conflict(
      { group: "", resource: kind },
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  return identityOf(object);
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
