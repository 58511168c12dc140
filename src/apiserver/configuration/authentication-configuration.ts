import { decodeConfiguration, type Shape } from "./strict-decode.ts";

/** `AuthenticationConfiguration` of apiserver.config.k8s.io: issuers of users' tokens, and who is let in without any. */
export interface AuthenticationConfiguration {
  readonly jwt?: readonly JwtAuthenticatorConfiguration[];
  readonly anonymous?: AnonymousConfiguration;
}

export interface AnonymousConfiguration {
  readonly enabled?: boolean;
  readonly conditions?: readonly { readonly path?: string }[];
}

export interface JwtAuthenticatorConfiguration {
  readonly issuer?: IssuerConfiguration;
  readonly claimValidationRules?: readonly ClaimValidationRule[];
  readonly claimMappings?: ClaimMappings;
  readonly userValidationRules?: readonly { readonly expression?: string; readonly message?: string }[];
}

export interface IssuerConfiguration {
  readonly url?: string;
  readonly discoveryURL?: string;
  /** PEM; absent: the system's authorities. */
  readonly certificateAuthority?: string;
  readonly audiences?: readonly string[];
  readonly audienceMatchPolicy?: string;
  readonly egressSelectorType?: string;
}

export interface ClaimValidationRule {
  readonly claim?: string;
  readonly requiredValue?: string;
  readonly expression?: string;
  readonly message?: string;
}

export interface ClaimMappings {
  readonly username?: PrefixedClaimOrExpression;
  readonly groups?: PrefixedClaimOrExpression;
  readonly uid?: { readonly claim?: string; readonly expression?: string };
  readonly extra?: readonly { readonly key?: string; readonly valueExpression?: string }[];
}

export interface PrefixedClaimOrExpression {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

const strings = (...names: readonly string[]): Readonly<Record<string, Shape>> =>
  Object.fromEntries(names.map((name) => [name, "string"]));

const prefixed: Shape = { fields: strings("claim", "prefix", "expression") };

const jwt: Shape = {
  fields: {
    issuer: {
      fields: {
        ...strings(
          "url",
          "discoveryURL",
          "certificateAuthority",
          "audienceMatchPolicy",
          "egressSelectorType",
        ),
        audiences: { list: "string" },
      },
    },
    claimValidationRules: {
      list: { fields: strings("claim", "requiredValue", "expression", "message") },
    },
    claimMappings: {
      fields: {
        username: prefixed,
        groups: prefixed,
        uid: { fields: strings("claim", "expression") },
        extra: { list: { fields: strings("key", "valueExpression") } },
      },
    },
    userValidationRules: { list: { fields: strings("expression", "message") } },
  },
};

/** The configuration in a file's text, not yet validated. Throws ConfigurationError. */
export async function decodeAuthenticationConfiguration(text: string): Promise<AuthenticationConfiguration> {
  const decoded = await decodeConfiguration(text, {
    kind: "AuthenticationConfiguration",
    apiVersions: ["apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1"],
    fields: {
      jwt: { list: jwt },
      anonymous: {
        fields: { enabled: "boolean", conditions: { list: { fields: strings("path") } } },
      },
    },
  });
  return decoded as AuthenticationConfiguration; // its shape was just checked
}
