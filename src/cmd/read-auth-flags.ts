import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseDuration } from "../apimachinery/protobuf/duration.ts";
import { usualRemoteHeaders } from "../apiserver/authentication/create-authenticator.ts";
import type {
  AccessWebhookOptions,
  AuthOptions,
  OidcOptions,
  RequestHeaderOptions,
  TokenWebhookOptions,
} from "./compose/auth-options.ts";
import { UserError } from "./user-error.ts";

/** Who is let in and who may do what: kube-apiserver's own flags. Nothing of it is loaded where none is given. */
export interface AuthFlags {
  readonly authenticationConfig?: string;
  readonly anonymousAuth?: string;
  readonly clientCaFile?: string;
  readonly tokenAuthFile?: string;
  readonly requestheaderClientCaFile?: string;
  readonly requestheaderAllowedNames?: string;
  readonly requestheaderUsernameHeaders?: string;
  readonly requestheaderUidHeaders?: string;
  readonly requestheaderGroupHeaders?: string;
  readonly requestheaderExtraHeadersPrefix?: string;
  readonly oidcIssuerUrl?: string;
  readonly oidcClientId?: string;
  readonly oidcCaFile?: string;
  readonly oidcUsernameClaim?: string;
  readonly oidcUsernamePrefix?: string;
  readonly oidcGroupsClaim?: string;
  readonly oidcGroupsPrefix?: string;
  readonly oidcRequiredClaim?: readonly string[];
  readonly oidcSigningAlgs?: string;
  readonly authenticationTokenWebhookConfigFile?: string;
  readonly authenticationTokenWebhookVersion?: string;
  readonly authenticationTokenWebhookCacheTtl?: string;
  readonly authorizationConfig?: string;
  readonly authorizationMode?: string;
  readonly authorizationPolicyFile?: string;
  readonly authorizationWebhookConfigFile?: string;
  readonly authorizationWebhookVersion?: string;
  readonly authorizationWebhookCacheAuthorizedTtl?: string;
  readonly authorizationWebhookCacheUnauthorizedTtl?: string;
  readonly serviceAccountKeyFile?: readonly string[];
  readonly serviceAccountSigningEndpoint?: string;
  readonly serviceAccountIssuer?: readonly string[];
  readonly serviceAccountJwksUri?: string;
  readonly serviceAccountMaxTokenExpiration?: string;
  readonly serviceAccountExtendTokenExpiration?: string;
  readonly apiAudiences?: string;
}

/** Reads the flags; what does not go together is refused as kube-apiserver refuses it. Throws UserError. */
export function readAuthFlags(flags: AuthFlags): AuthOptions {
  const authenticationConfig = file("--authentication-config", flags.authenticationConfig);
  const authorizationConfig = file("--authorization-config", flags.authorizationConfig);
  const oidc = oidcOf(flags);
  if (authenticationConfig !== undefined && oidc !== undefined)
    throw new UserError("authentication-config file and oidc-* flags are mutually exclusive");
  const tokenWebhook = tokenWebhookOf(flags);
  const accessWebhook = accessWebhookOf(flags);
  const authorizationModes = list(flags.authorizationMode);
  if (authorizationConfig !== undefined && (authorizationModes.length > 0 || accessWebhook !== undefined))
    throw new UserError(
      "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are specified",
    );
  const policyFile = file("--authorization-policy-file", flags.authorizationPolicyFile);
  if (authorizationConfig === undefined)
    checkModes(authorizationModes, {
      webhook: accessWebhook !== undefined,
      policy: policyFile !== undefined,
    });
  const anonymous = boolean("--anonymous-auth", flags.anonymousAuth);
  const tokenFile = file("--token-auth-file", flags.tokenAuthFile);
  const clientCaFile = file("--client-ca-file", flags.clientCaFile);
  const requestHeader = requestHeaderOf(flags);
  const extendsPodTokens = boolean(
    "--service-account-extend-token-expiration",
    flags.serviceAccountExtendTokenExpiration,
  );
  const signingEndpoint = signingEndpointOf(flags);
  const jwksUri = jwksUriOf(flags.serviceAccountJwksUri);
  const maxTokenSeconds = maxTokenExpiration(flags.serviceAccountMaxTokenExpiration);
  return {
    ...(authenticationConfig === undefined ? {} : { authenticationConfig }),
    ...(authorizationConfig === undefined ? {} : { authorizationConfig }),
    ...(oidc === undefined ? {} : { oidc }),
    ...(tokenWebhook === undefined ? {} : { tokenWebhook }),
    ...(accessWebhook === undefined ? {} : { accessWebhook }),
    ...(authorizationModes.length === 0 ? {} : { authorizationModes }),
    ...(policyFile === undefined ? {} : { policyFile }),
    ...(anonymous === undefined ? {} : { anonymous }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(clientCaFile === undefined ? {} : { clientCaFile }),
    ...(requestHeader === undefined ? {} : { requestHeader }),
    ...(signingEndpoint === undefined ? {} : { signingEndpoint }),
    ...(jwksUri === undefined ? {} : { jwksUri }),
    ...(maxTokenSeconds === undefined ? {} : { maxTokenSeconds }),
    ...(extendsPodTokens === undefined ? {} : { extendsPodTokens }),
    keyFiles: (flags.serviceAccountKeyFile ?? []).map((path) => existing("--service-account-key-file", path)),
    issuers: flags.serviceAccountIssuer ?? [],
    audiences: list(flags.apiAudiences),
  };
}

function signingEndpointOf(flags: AuthFlags): string | undefined {
  const { serviceAccountSigningEndpoint: path, serviceAccountKeyFile = [] } = flags;
  if (path === undefined) return undefined;
  if (serviceAccountKeyFile.length > 0)
    throw new UserError(
      "can't set `--service-account-signing-key-file` and/or `--service-account-key-file` with `--service-account-signing-endpoint` (They are mutually exclusive)",
    );
  if (path.startsWith("@") && !/^@([a-zA-Z0-9_-]+\.)*[a-zA-Z0-9_-]+$/.test(path))
    throw new UserError(
      `invalid value ${JSON.stringify(path)} passed for \`--service-account-signing-endpoint\`, when prefixed with @ must be a valid abstract socket name`,
    );
  return path.startsWith("@") ? path : resolve(path);
}

function jwksUriOf(text = ""): string | undefined {
  if (text === "") return undefined;
  const [broken] = /%(?![\da-fA-F]{2}).{0,2}/.exec(text) ?? [];
  const why = text.startsWith(":") ? "missing protocol scheme" : broken && `invalid URL escape "${broken}"`;
  if (why !== undefined)
    throw new UserError(
      `service-account-jwks-uri must be a valid URL: parse ${JSON.stringify(text)}: ${why}`,
    );
  if (!/^https:/i.test(text))
    throw new UserError(`service-account-jwks-uri requires https scheme, parsed as: ${text}`);
  return text;
}

/** Seconds; 0 and nothing said: tokens live as long as they are asked for. */
function maxTokenExpiration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = duration("--service-account-max-token-expiration", text) / 1000;
  if (seconds === 0) return undefined;
  if (seconds < 3600 || seconds > 2 ** 32)
    throw new UserError("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds");
  return seconds;
}

function requestHeaderOf(flags: AuthFlags): RequestHeaderOptions | undefined {
  const given = Object.entries(flags).some(
    ([name, value]) => name.startsWith("requestheader") && value !== undefined,
  );
  if (!given) return undefined;
  const caFile = file("--requestheader-client-ca-file", flags.requestheaderClientCaFile);
  if (caFile === undefined)
    throw new UserError(
      "--requestheader-*: without --requestheader-client-ca-file there is nobody to believe",
    );
  const names = (text: string | undefined, unless: readonly string[]) =>
    text === undefined ? unless : list(text);
  return {
    caFile,
    allowedNames: list(flags.requestheaderAllowedNames),
    headers: {
      username: names(flags.requestheaderUsernameHeaders, usualRemoteHeaders.username),
      uid: names(flags.requestheaderUidHeaders, usualRemoteHeaders.uid),
      group: names(flags.requestheaderGroupHeaders, usualRemoteHeaders.group),
      extraPrefix: names(flags.requestheaderExtraHeadersPrefix, usualRemoteHeaders.extraPrefix),
    },
  };
}

function oidcOf(flags: AuthFlags): OidcOptions | undefined {
  const given = Object.entries(flags).some(([name, value]) => name.startsWith("oidc") && value !== undefined);
  if (!given) return undefined;
  const { oidcIssuerUrl: issuerUrl = "", oidcClientId: clientId = "", oidcUsernameClaim } = flags;
  if (issuerUrl === "" || clientId === "")
    throw new UserError(
      "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set",
    );
  const usernameClaim = oidcUsernameClaim ?? "sub";
  return {
    issuerUrl,
    clientId,
    caFile: file("--oidc-ca-file", flags.oidcCaFile),
    usernameClaim,
    usernamePrefix: usernamePrefix(flags.oidcUsernamePrefix ?? "", usernameClaim, issuerUrl),
    groupsClaim: flags.oidcGroupsClaim ?? "",
    groupsPrefix: flags.oidcGroupsPrefix ?? "",
    requiredClaims: (flags.oidcRequiredClaim ?? []).map(keyAndValue),
    algorithms: list(flags.oidcSigningAlgs ?? "RS256"),
  };
}

/** Names of an issuer must not be taken for those of another: only addresses stand for themselves. */
function usernamePrefix(given: string, claim: string, issuerUrl: string): string {
  if (given === "-") return "";
  return given === "" && claim !== "email" ? `${issuerUrl}#` : given;
}

function keyAndValue(text: string): readonly [string, string] {
  const split = text.indexOf("=");
  if (split < 1) throw new UserError(`--oidc-required-claim: malformed pair, expect string=string: ${text}`);
  return [text.slice(0, split), text.slice(split + 1)];
}

function tokenWebhookOf(flags: AuthFlags): TokenWebhookOptions | undefined {
  const name = "--authentication-token-webhook";
  const kubeconfig = file(`${name}-config-file`, flags.authenticationTokenWebhookConfigFile);
  if (kubeconfig === undefined) return undefined;
  return {
    kubeconfig,
    version: version(`${name}-version`, flags.authenticationTokenWebhookVersion),
    cacheTtlMs: duration(`${name}-cache-ttl`, flags.authenticationTokenWebhookCacheTtl ?? "2m"),
  };
}

function accessWebhookOf(flags: AuthFlags): AccessWebhookOptions | undefined {
  const name = "--authorization-webhook";
  const kubeconfig = file(`${name}-config-file`, flags.authorizationWebhookConfigFile);
  if (kubeconfig === undefined) return undefined;
  const yes = flags.authorizationWebhookCacheAuthorizedTtl ?? "5m";
  const no = flags.authorizationWebhookCacheUnauthorizedTtl ?? "30s";
  return {
    kubeconfig,
    version: version(`${name}-version`, flags.authorizationWebhookVersion),
    authorizedTtlMs: duration(`${name}-cache-authorized-ttl`, yes),
    unauthorizedTtlMs: duration(`${name}-cache-unauthorized-ttl`, no),
  };
}

const modes: readonly string[] = ["AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"];

function checkModes(
  given: readonly string[],
  has: { readonly webhook: boolean; readonly policy: boolean },
): void {
  const repeated = given.find((mode, index) => given.indexOf(mode) !== index);
  if (repeated !== undefined)
    throw new UserError(`authorization-mode ${JSON.stringify(repeated)} has mode specified more than once`);
  const unknown = given.find((mode) => !modes.includes(mode));
  if (unknown !== undefined)
    throw new UserError(`authorization-mode ${JSON.stringify(unknown)} is not a valid mode`);
  if (given.includes("ABAC") && !has.policy)
    throw new UserError("authorization-mode ABAC's authorization policy file not passed");
  if (given.includes("Webhook") && !has.webhook)
    throw new UserError("authorization-mode Webhook's authorization config file not passed");
  if (!given.includes("ABAC") && has.policy)
    throw new UserError("cannot specify --authorization-policy-file without mode ABAC");
  if (!given.includes("Webhook") && has.webhook)
    throw new UserError("cannot specify --authorization-webhook-config-file without mode Webhook");
}

function file(flag: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : existing(flag, path);
}

function existing(flag: string, path: string): string {
  const full = resolve(path);
  if (!existsSync(full)) throw new UserError(`${flag}: there is no file ${full}`);
  return full;
}

function list(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function boolean(flag: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text !== "true" && text !== "false")
    throw new UserError(`${flag}: "${text}" is neither true nor false`);
  return text === "true";
}

function version(flag: string, text = "v1beta1"): "v1" | "v1beta1" {
  if (text !== "v1" && text !== "v1beta1")
    throw new UserError(`${flag}: "${text}" is not one of v1, v1beta1`);
  return text;
}

function duration(flag: string, text: string): number {
  try {
    return parseDuration(text) / 1_000_000;
  } catch (error) {
    throw new UserError(`${flag}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
