import type { Secret } from "../api/core/types.generated.ts";
import type { ResourceDefinition } from "../api/definition.ts";
import { nodes, pods, secrets, serviceAccounts } from "../api/resources.generated.ts";
import { schemas } from "../api/schemas.ts";
import type { QualifiedResource } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { UserInfo } from "../client/exchange.ts";
import type { InformerFactory } from "../client/informer.ts";
import { type AdmissionChainOptions, createAdmissionChain } from "./admission/create-admission-chain.ts";
import { getLive } from "./admission/dependencies.ts";
import type { AdmissionPlugins } from "./admission/flagged-plugins.ts";
import { keepPolicyStatus } from "./admission/policies/policy-status.ts";
import { ensureSystemPriorityClasses } from "./admission/priority.ts";
import type { WebhookTransport } from "./admission/webhooks/caller.ts";
import { type AuthenticationInfo, ensureAuthenticationInfo } from "./authentication/authentication-info.ts";
import { bootstrapTokens } from "./authentication/bootstrap-tokens.ts";
import { type AuthenticatorOptions, createAuthenticator } from "./authentication/create-authenticator.ts";
import { createImpersonator } from "./authentication/impersonation.ts";
import { ensureTokenTracking } from "./authentication/legacy-token-tracking.ts";
import { legacyTokens } from "./authentication/legacy-tokens.ts";
import {
  type BoundObjects,
  serviceAccountTokens,
  staticTokens,
  type TokenAuthenticator,
  type TokenUses,
  tokenUnion,
} from "./authentication/token-authenticator.ts";
import type { BoundObject } from "./authentication/token-claims.ts";
import { bootstrapPolicy } from "./authorization/bootstrap-policy/bootstrap-policy.ts";
import { ensurePolicy } from "./authorization/bootstrap-policy/reconcile-policy.ts";
import { type AuthorizerDependencies, createAuthorizer } from "./authorization/create-authorizer.ts";
import type { ModelLookup } from "./content/input.ts";
import { IdentityMetrics } from "./metrics/identity-metrics.ts";
import type { CreateHandler, PostStartHook, Stages } from "./stages.ts";
import { accessReviewHandlers } from "./virtual/access-reviews.ts";
import { selfSubjectReviewHandler, tokenReviewHandler } from "./virtual/identity-reviews.ts";
import { issuerDocuments } from "./virtual/issuer-documents.ts";
import { tokenRequestHandler } from "./virtual/token-request.ts";

export interface StagesDependencies {
  /** Both reach the server these stages are for, over its loopback. The informers are started on first need. */
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Ends the informers. */
  readonly signal: AbortSignal;
  /** `loadTokenKeys` of `pki/`. */
  readonly tokenKeys: {
    sign(claims: object): Promise<string>;
    verify(token: string): Promise<Readonly<Record<string, unknown>> | undefined>;
    readonly publicKeys: readonly { readonly alg: string }[];
    readonly maxSeconds?: number;
  };
  /** `parseSigningRequest` of `pki/`. */
  readonly readSubject: AdmissionChainOptions["readSubject"];
  /** `fingerprintOf` of `pki/`. */
  readonly fingerprint?: AuthenticatorOptions["fingerprint"];
  readonly isFrontProxy?: AuthenticatorOptions["isFrontProxy"];
  readonly remoteHeaders?: AuthenticatorOptions["remoteHeaders"];
  readonly anonymous?: AuthenticatorOptions["anonymous"];
  /** Published for extension API servers; absent: nothing is. */
  readonly authenticationInfo?: AuthenticationInfo;
  /** Tokens known from a file or a flag, and whose they are. */
  readonly staticTokens?: ReadonlyMap<string, UserInfo>;
  /** `httpsWebhookTransport` of `http/`; absent: admission webhooks are not called. */
  readonly webhookTransport?: WebhookTransport;
  /** How resources are served, custom ones too: webhooks are sent objects in the version they ask for. */
  readonly definitionOf?: (resource: QualifiedResource) => ResourceDefinition | undefined;
  /** All that is served; absent: admission policies are not evaluated. */
  readonly definitions?: () => readonly ResourceDefinition[];
  /** Authenticators of tokens beside the built-in ones, asked after them: OpenID issuers, webhooks. */
  readonly moreTokens?: readonly TokenAuthenticator[];
  /** Who is asked whether a request is allowed; Node and RBAC unless said. */
  readonly authorizers?: AuthorizerDependencies["chain"];
  /** What flags turn on, off or configure. */
  readonly admissionPlugins?: AdmissionPlugins;
  /** https://kubernetes.default.svc.cluster.local unless said. */
  readonly issuer?: string;
  /** What longer-lived service account tokens are shortened to, in seconds; absent: nothing is. */
  readonly maxTokenSeconds?: number;
  /** Whether tokens that pods ask for live longer than they say; true unless said. */
  readonly extendsPodTokens?: boolean;
  /** Whose tokens are accepted too: issuers of before. */
  readonly moreIssuers?: readonly string[];
  /** The API server's audiences; the issuer unless said. */
  readonly audiences?: readonly string[];
  /** "https://10.0.0.1:6443/openid/v1/jwks": where others find the keys of tokens. */
  readonly jwksUri: string;
}

/** All that stands between a request and the registry, as a kube-apiserver has it by default. */
export function createStages(dependencies: StagesDependencies): Stages {
  const { client, informers, clock, random } = dependencies;
  const issuer = dependencies.issuer ?? "https://kubernetes.default.svc.cluster.local";
  const audiences = dependencies.audiences ?? [issuer];
  const now = () => clock.now();
  const sync = startOnce(informers, dependencies.signal);
  const authorizer = createAuthorizer({
    informers,
    synced: sync.synced,
    ...(dependencies.authorizers === undefined ? {} : { chain: dependencies.authorizers }),
  });
  const metrics = new IdentityMetrics(now);
  const tokens = tokenAuthenticators(dependencies, { issuer, audiences, sync, metrics });
  const admission = createAdmissionChain({
    client,
    informers,
    clock,
    random,
    authorizer,
    rbac: authorizer.rbac,
    readSubject: (pem) => clock.hold(dependencies.readSubject(pem)),
    hasSynced: sync.hasSynced,
    synced: sync.synced,
    ...webhookOptions(dependencies),
    ...policyOptions(dependencies),
    ...(dependencies.admissionPlugins === undefined ? {} : { plugins: dependencies.admissionPlugins }),
  });
  return {
    authenticator: createAuthenticator(authenticatorOptions(dependencies, tokens)),
    impersonator: createImpersonator(authorizer, metrics),
    metrics,
    authorizer,
    admission,
    createHandlers: [
      tokenRequestHandler({
        client,
        sign: (claims) => clock.hold(dependencies.tokenKeys.sign(claims)),
        now,
        uuid: () => random.uuid(),
        issuer,
        audiences,
        extendsPodTokens: dependencies.extendsPodTokens ?? true,
        ...(dependencies.maxTokenSeconds === undefined ? {} : { maxSeconds: dependencies.maxTokenSeconds }),
        maxExtendedSeconds: dependencies.tokenKeys.maxSeconds ?? Number.POSITIVE_INFINITY,
      }),
      tokenReviewHandler({ tokens, audiences }),
      selfSubjectReviewHandler({ now }),
      ...(accessReviewHandlers(authorizer) satisfies CreateHandler[]),
    ],
    documents: issuerDocuments({
      issuer,
      jwksUri: dependencies.jwksUri,
      publicKeys: () => dependencies.tokenKeys.publicKeys,
    }),
    postStartHooks: postStartHooks(dependencies, sync.synced),
    readyChecks: [
      {
        name: "informer-sync",
        check() {
          if (!sync.hasSynced()) throw new Error("informers not started yet");
        },
      },
    ],
  };
}

function webhookOptions({
  webhookTransport,
  definitionOf = () => undefined,
  logger,
}: StagesDependencies): Pick<AdmissionChainOptions, "webhooks"> {
  return webhookTransport === undefined
    ? {}
    : { webhooks: { transport: webhookTransport, definitionOf, logger } };
}

function policyOptions({
  definitionOf = () => undefined,
  definitions,
  client,
  informers,
  logger,
}: StagesDependencies): Pick<AdmissionChainOptions, "policies"> {
  if (definitions === undefined) return {};
  const modelOf: ModelLookup = ({ group, version, kind }) => schemas.kind(group, version, kind);
  keepPolicyStatus({ client, informers, definitions, modelOf }, { logger });
  return { policies: { definitionOf, definitions, modelOf } };
}

interface Sync {
  readonly hasSynced: () => boolean;
  readonly synced: () => Promise<void>;
}

/** The informers list through the server they serve: they start when it asks them something for the first time. */
function startOnce(informers: InformerFactory, signal: AbortSignal): Sync {
  let done = false;
  let started: Promise<void> | undefined;
  const start = async () => {
    informers.start(signal);
    await informers.waitForSync({ signal });
    done = true;
  };
  return {
    hasSynced: () => done,
    synced: () => {
      started ??= start();
      return started;
    },
  };
}

function authenticatorOptions(
  dependencies: StagesDependencies,
  tokens: TokenAuthenticator,
): AuthenticatorOptions {
  const { fingerprint, isFrontProxy, remoteHeaders, anonymous } = dependencies;
  return {
    tokens,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(isFrontProxy === undefined ? {} : { isFrontProxy }),
    ...(remoteHeaders === undefined ? {} : { remoteHeaders }),
    ...(anonymous === undefined ? {} : { anonymous }),
  };
}

function tokenAuthenticators(
  {
    client,
    informers,
    clock,
    tokenKeys,
    staticTokens: fixed,
    logger,
    moreTokens = [],
    moreIssuers = [],
  }: StagesDependencies,
  options: {
    readonly issuer: string;
    readonly audiences: readonly string[];
    readonly sync: Sync;
    readonly metrics: TokenUses;
  },
): TokenAuthenticator {
  const { issuer, audiences, sync, metrics } = options;
  const now = () => clock.now();
  return tokenUnion([
    ...(fixed === undefined ? [] : [staticTokens(fixed, audiences)]),
    serviceAccountTokens({
      verifier: { verify: (token) => clock.hold(tokenKeys.verify(token)) },
      objects: boundObjects(client, informers, sync),
      now,
      issuers: [issuer, ...moreIssuers],
      audiences,
      metrics,
    }),
    legacyTokens({
      verifier: { verify: (token) => clock.hold(tokenKeys.verify(token)) },
      findSecret: (namespace, name): Promise<Secret | undefined> =>
        getLive(client, secrets, { namespace, name }),
      findAccount: (namespace, name) => getLive(client, serviceAccounts, { namespace, name }),
      noteUse: ({ metadata: { namespace = "", name = "" } }, labels) => {
        const patch = { metadata: { labels } };
        client
          .patch(secrets, { namespace, name }, { type: "merge", patch })
          .catch((error: unknown) => logger.debug({ error, namespace, name }, "a token's use is not noted"));
      },
      now,
      audiences,
      metrics,
    }),
    bootstrapTokens({
      findSecret: (name): Promise<Secret | undefined> =>
        getLive(client, secrets, { namespace: "kube-system", name }),
      now,
      audiences,
    }),
    ...moreTokens,
  ]);
}

/** What tokens are bound to: from the caches, or from the API for what a cache has not seen yet. */
function boundObjects(client: Client, informers: InformerFactory, sync: Sync): BoundObjects {
  const cached: Readonly<Record<string, (key: string) => KubeObject | undefined>> = {
    serviceaccounts: cacheOf(informers, serviceAccounts),
    pods: cacheOf(informers, pods),
    nodes: cacheOf(informers, nodes),
  };
  const types: Readonly<Record<string, ResourceType<KubeObject>>> = {
    serviceaccounts: serviceAccounts,
    pods,
    nodes,
    secrets,
  };
  return {
    find(kind, namespace, name) {
      const hit = cached[kind]?.(namespace === "" ? name : `${namespace}/${name}`);
      if (hit !== undefined && sync.hasSynced()) return boundObject(hit);
      const type = types[kind];
      if (type === undefined) return undefined;
      return getLive(client, type, namespace === "" ? { name } : { namespace, name }).then((object) =>
        object === undefined ? undefined : boundObject(object),
      );
    },
  };
}

function cacheOf<T extends KubeObject>(informers: InformerFactory, type: ResourceType<T>) {
  const { lister } = informers.informer(type);
  return (key: string): KubeObject | undefined => lister.get(key);
}

function boundObject({ metadata }: KubeObject): BoundObject {
  const { uid = "", deletionTimestamp } = metadata;
  return deletionTimestamp === undefined ? { uid } : { uid, deletedAtMs: Date.parse(deletionTimestamp) };
}

function postStartHooks(
  { client, clock, authenticationInfo }: StagesDependencies,
  synced: () => Promise<void>,
): PostStartHook[] {
  return [
    {
      name: "generic-apiserver-start-informers",
      covers: ["start-apiserver-admission-initializer", "storage-readiness"],
      run: () => synced(),
    },
    {
      name: "rbac/bootstrap-roles",
      async run(_, options) {
        await ensurePolicy(client, bootstrapPolicy(), options);
      },
    },
    {
      name: "start-legacy-token-tracking-controller",
      after: "start-system-namespaces-controller",
      run: (_, options) => ensureTokenTracking(client, clock.now(), options),
    },
    {
      name: "scheduling/bootstrap-system-priority-classes",
      run: (_, options) => ensureSystemPriorityClasses(client, options),
    },
    ...(authenticationInfo === undefined
      ? []
      : [
          {
            name: "start-cluster-authentication-info-controller",
            after: "start-system-namespaces-controller",
            run: (_: unknown, options: { readonly signal: AbortSignal }) =>
              ensureAuthenticationInfo(client, authenticationInfo, options),
          },
        ]),
  ];
}
