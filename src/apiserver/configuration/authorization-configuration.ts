import { decodeConfiguration, type Shape } from "./strict-decode.ts";

/** `AuthorizationConfiguration` of apiserver.config.k8s.io: who is asked, in order, whether a request is allowed. */
export interface AuthorizationConfiguration {
  readonly authorizers?: readonly AuthorizerConfiguration[];
}

export interface AuthorizerConfiguration {
  readonly type?: string;
  readonly name?: string;
  readonly webhook?: WebhookConfiguration;
}

/** Times are in milliseconds; defaults are filled in. */
export interface WebhookConfiguration {
  readonly authorizedTTL?: number;
  readonly cacheAuthorizedRequests?: boolean;
  readonly unauthorizedTTL?: number;
  readonly cacheUnauthorizedRequests?: boolean;
  readonly timeout?: number;
  readonly subjectAccessReviewVersion?: string;
  readonly matchConditionSubjectAccessReviewVersion?: string;
  readonly failurePolicy?: string;
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string };
  readonly matchConditions?: readonly { readonly expression?: string }[];
}

const defaultAuthorizedTtlMs = 300_000;
const defaultUnauthorizedTtlMs = 30_000;

const webhook: Shape = {
  fields: {
    authorizedTTL: "duration",
    cacheAuthorizedRequests: "boolean",
    unauthorizedTTL: "duration",
    cacheUnauthorizedRequests: "boolean",
    timeout: "duration",
    subjectAccessReviewVersion: "string",
    matchConditionSubjectAccessReviewVersion: "string",
    failurePolicy: "string",
    connectionInfo: { fields: { type: "string", kubeConfigFile: "string" } },
    matchConditions: { list: { fields: { expression: "string" } } },
  },
};

/** The configuration in a file's text with its defaults, not yet validated. Throws ConfigurationError. */
export async function decodeAuthorizationConfiguration(text: string): Promise<AuthorizationConfiguration> {
  const decoded = await decodeConfiguration(text, {
    kind: "AuthorizationConfiguration",
    apiVersions: ["apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1"],
    fields: { authorizers: { list: { fields: { type: "string", name: "string", webhook } } } },
  });
  const { authorizers } = decoded as AuthorizationConfiguration; // its shape was just checked
  return authorizers === undefined ? {} : { authorizers: authorizers.map(withDefaults) };
}

function withDefaults(authorizer: AuthorizerConfiguration): AuthorizerConfiguration {
  const { webhook: given } = authorizer;
  if (given === undefined) return authorizer;
  return {
    ...authorizer,
    webhook: {
      ...given,
      authorizedTTL: given.authorizedTTL || defaultAuthorizedTtlMs,
      unauthorizedTTL: given.unauthorizedTTL || defaultUnauthorizedTtlMs,
      cacheAuthorizedRequests: given.cacheAuthorizedRequests ?? true,
      cacheUnauthorizedRequests: given.cacheUnauthorizedRequests ?? true,
    },
  };
}
