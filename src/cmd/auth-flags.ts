import type { Command } from "commander";
import type { AuthFlags } from "./read-auth-flags.ts";

/** [flag's words, member of AuthFlags, what it does]; "…" at the end: may be given again. */
const definitions: readonly (readonly [string, keyof AuthFlags, string])[] = [
  [
    "--authentication-config <file>",
    "authenticationConfig",
    "an AuthenticationConfiguration: OpenID issuers and anonymous access; read again when it changes",
  ],
  [
    "--anonymous-auth <bool>",
    "anonymousAuth",
    "whether requests without credentials are system:anonymous; true unless said",
  ],
  [
    "--client-ca-file <file>",
    "clientCaFile",
    "authorities of client certificates beside the cluster's own: the name is the user, organizations are groups",
  ],
  ["--token-auth-file <file>", "tokenAuthFile", 'static tokens: lines of token,user,uid,"group1,group2"'],
  ["--oidc-issuer-url <url>", "oidcIssuerUrl", "the OpenID issuer of users' tokens"],
  ["--oidc-client-id <id>", "oidcClientId", "the audience of its tokens"],
  [
    "--oidc-ca-file <file>",
    "oidcCaFile",
    "authorities of the issuer's certificate; the system's unless said",
  ],
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
  [
    "--authorization-config <file>",
    "authorizationConfig",
    "an AuthorizationConfiguration: authorizers in their order; read again when it changes",
  ],
  [
    "--authorization-mode <list>",
    "authorizationMode",
    "AlwaysAllow, AlwaysDeny, Node, RBAC, Webhook in their order; Node,RBAC unless said",
  ],
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
  [
    "--service-account-key-file <file>",
    "serviceAccountKeyFile",
    "a further key whose service account tokens are accepted; may be given again",
  ],
  [
    "--service-account-issuer <url>",
    "serviceAccountIssuer",
    "the issuer of service account tokens; given again: issuers that are accepted too",
  ],
  [
    "--service-account-max-token-expiration <duration>",
    "serviceAccountMaxTokenExpiration",
    "what longer-lived service account tokens are shortened to",
  ],
  ["--api-audiences <list>", "apiAudiences", "audiences of the API server; the issuer unless said"],
];

const repeatable: ReadonlySet<keyof AuthFlags> = new Set([
  "oidcRequiredClaim",
  "serviceAccountKeyFile",
  "serviceAccountIssuer",
]);

/** Adds the flags to a command, under a heading of their own. */
export function withAuthFlags(command: Command): Command {
  command.optionsGroup("Who is let in, and who may do what (as kube-apiserver's):");
  for (const [words, member, description] of definitions) {
    if (repeatable.has(member))
      command.option(words, description, (value: string, before: readonly string[] = []) => [
        ...before,
        value,
      ]);
    else command.option(words, description);
  }
  return command;
}

/** The flags again as words of a command line. */
export function authWords(flags: AuthFlags): string[] {
  return definitions.flatMap(([words, member]) => {
    const [flag = ""] = words.split(" ");
    const value = flags[member];
    if (value === undefined) return [];
    return (typeof value === "string" ? [value] : value).flatMap((each) => [flag, each]);
  });
}
