import type { Command } from "commander";
import { type FlagGroup, flagWords, withFlagGroups } from "./flag-groups.ts";
import type { AuthFlags } from "./read-auth-flags.ts";

const groups: readonly FlagGroup<AuthFlags>[] = [
  {
    heading: "Authentication (as kube-apiserver's):",
    flags: [
      [
        "--authentication-config <file>",
        "authenticationConfig",
        "an AuthenticationConfiguration: OpenID issuers, anonymous access; followed",
      ],
      [
        "--anonymous-auth <bool>",
        "anonymousAuth",
        "requests without credentials are system:anonymous; true unless said",
      ],
      [
        "--client-ca-file <file>",
        "clientCaFile",
        "authorities of client certificates beside the cluster's own",
      ],
      [
        "--requestheader-client-ca-file <file>",
        "requestheaderClientCaFile",
        "authorities of a front proxy, which names the users it speaks for",
      ],
      [
        "--requestheader-allowed-names <list>",
        "requestheaderAllowedNames",
        "the common names its certificate may have; any unless said",
      ],
      [
        "--requestheader-username-headers <list>",
        "requestheaderUsernameHeaders",
        "where it names the user; X-Remote-User unless said",
      ],
      [
        "--requestheader-uid-headers <list>",
        "requestheaderUidHeaders",
        "where it says the uid; X-Remote-Uid unless said",
      ],
      [
        "--requestheader-group-headers <list>",
        "requestheaderGroupHeaders",
        "where it lists groups; X-Remote-Group unless said",
      ],
      [
        "--requestheader-extra-headers-prefix <list>",
        "requestheaderExtraHeadersPrefix",
        "how headers begin that say more; X-Remote-Extra- unless said",
      ],
      ["--token-auth-file <file>", "tokenAuthFile", 'static tokens: lines of token,user,uid,"group1,group2"'],
      ["--oidc-issuer-url <url>", "oidcIssuerUrl", "the OpenID issuer of users' tokens"],
      ["--oidc-client-id <id>", "oidcClientId", "the audience of its tokens"],
      ["--oidc-ca-file <file>", "oidcCaFile", "authorities of its certificate; the system's unless said"],
      [
        "--oidc-username-claim <claim>",
        "oidcUsernameClaim",
        "the claim that is the user's name; sub unless said",
      ],
      [
        "--oidc-username-prefix <prefix>",
        "oidcUsernamePrefix",
        "before every name; -: none; the issuer's URL and # unless said",
      ],
      ["--oidc-groups-claim <claim>", "oidcGroupsClaim", "the claim that lists the user's groups"],
      ["--oidc-groups-prefix <prefix>", "oidcGroupsPrefix", "before every group"],
      [
        "--oidc-required-claim <key=value>",
        "oidcRequiredClaim",
        "a claim that tokens must have; may be given again",
      ],
      ["--oidc-signing-algs <list>", "oidcSigningAlgs", "algorithms that are accepted; RS256 unless said"],
      [
        "--authentication-token-webhook-config-file <file>",
        "authenticationTokenWebhookConfigFile",
        "a kubeconfig of the webhook that reviews tokens",
      ],
      [
        "--authentication-token-webhook-version <version>",
        "authenticationTokenWebhookVersion",
        "v1 or v1beta1 of TokenReview; v1beta1 unless said",
      ],
      [
        "--authentication-token-webhook-cache-ttl <duration>",
        "authenticationTokenWebhookCacheTtl",
        "how long its answers are kept; 2m0s unless said",
      ],
    ],
  },
  {
    heading: "Service account tokens (as kube-apiserver's):",
    flags: [
      [
        "--service-account-issuer <url>",
        "serviceAccountIssuer",
        "who signs them; given again: issuers that are accepted too",
      ],
      [
        "--service-account-key-file <file>",
        "serviceAccountKeyFile",
        "a further key that is accepted; may be given again",
      ],
      [
        "--service-account-signing-endpoint <path>",
        "serviceAccountSigningEndpoint",
        "the socket of a plugin that signs them in the place of the cluster's key",
      ],
      [
        "--service-account-jwks-uri <url>",
        "serviceAccountJwksUri",
        "where others find the keys that verify them; this server unless said",
      ],
      [
        "--service-account-max-token-expiration <duration>",
        "serviceAccountMaxTokenExpiration",
        "what longer-lived ones are shortened to",
      ],
      [
        "--service-account-extend-token-expiration <bool>",
        "serviceAccountExtendTokenExpiration",
        "tokens of pods live for a year, and late use of them is noted; true unless said",
      ],
      ["--api-audiences <list>", "apiAudiences", "whom they are for; the issuer unless said"],
    ],
  },
  {
    heading: "Authorization (as kube-apiserver's):",
    flags: [
      [
        "--authorization-config <file>",
        "authorizationConfig",
        "an AuthorizationConfiguration: authorizers in their order; followed",
      ],
      [
        "--authorization-mode <list>",
        "authorizationMode",
        "AlwaysAllow, AlwaysDeny, ABAC, Webhook, RBAC, Node; Node,RBAC unless said",
      ],
      ["--authorization-policy-file <file>", "authorizationPolicyFile", "the policies of ABAC, a line each"],
      [
        "--authorization-webhook-config-file <file>",
        "authorizationWebhookConfigFile",
        "a kubeconfig of the webhook that reviews access",
      ],
      [
        "--authorization-webhook-version <version>",
        "authorizationWebhookVersion",
        "v1 or v1beta1 of SubjectAccessReview; v1beta1 unless said",
      ],
      [
        "--authorization-webhook-cache-authorized-ttl <duration>",
        "authorizationWebhookCacheAuthorizedTtl",
        "how long a yes is kept; 5m0s unless said",
      ],
      [
        "--authorization-webhook-cache-unauthorized-ttl <duration>",
        "authorizationWebhookCacheUnauthorizedTtl",
        "how long a no is kept; 30s unless said",
      ],
    ],
  },
];

const repeatable: ReadonlySet<keyof AuthFlags> = new Set([
  "oidcRequiredClaim",
  "serviceAccountKeyFile",
  "serviceAccountIssuer",
]);

/** Adds the flags to a command, under headings of their own. */
export function withAuthFlags(command: Command): Command {
  return withFlagGroups(command, groups, repeatable);
}

/** The flags again as words of a command line. */
export function authWords(flags: AuthFlags): string[] {
  return flagWords(groups, flags);
}
