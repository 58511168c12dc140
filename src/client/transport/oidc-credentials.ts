import type { UserOrigin } from "../kubeconfig.ts";
import { anonymous, basicAuth, type Credentials } from "./credentials.ts";
import { createHttpsTransport } from "./https-transport.ts";
import { saveTokens } from "./saved-tokens.ts";

/** The fields of a kubeconfig's `auth-provider` named "oidc". */
export interface OidcConfig {
  readonly "idp-issuer-url"?: string;
  readonly "client-id"?: string;
  readonly "client-secret"?: string;
  readonly "refresh-token"?: string;
  readonly "id-token"?: string;
  /** A file of PEM. */
  readonly "idp-certificate-authority"?: string;
  /** Base64 of PEM; before the file. */
  readonly "idp-certificate-authority-data"?: string;
}

const leewayMs = 10_000;

/**
 * An ID token that is renewed with its refresh token when it expires or is refused. New tokens are saved where the kubeconfig's
 * user was read, since many providers take a refresh token only once; where that fails there is a warning, and they are still used.
 */
export function oidcCredentials(config: OidcConfig, origin?: UserOrigin): Credentials {
  for (const name of ["idp-issuer-url", "client-id"] as const)
    if (!config[name]) throw new Error(`kubeconfig: the OIDC provider must have ${name}`);
  let idToken = config["id-token"] || undefined;
  let refreshToken = config["refresh-token"] || undefined;
  let running: Promise<string> | undefined;

  async function refresh(): Promise<string> {
    if (refreshToken === undefined)
      throw new Error("kubeconfig: the OIDC token has expired and there is no refresh-token");
    const answer = await requestTokens(config, refreshToken);
    refreshToken = answer.refresh_token ?? refreshToken;
    idToken = answer.id_token;
    const renewed = { "id-token": idToken, "refresh-token": refreshToken };
    if (origin !== undefined)
      await saveTokens(origin, renewed).catch((error: Error) =>
        process.emitWarning(`${origin.file}: the renewed OIDC tokens were not saved: ${error.message}`),
      );
    return renewed["id-token"];
  }

  return {
    ...anonymous,
    async authorization() {
      if (idToken !== undefined && expiryMs(idToken) - leewayMs > Date.now()) return `Bearer ${idToken}`;
      running ??= refresh().finally(() => {
        running = undefined;
      });
      return `Bearer ${await running}`;
    },
    rejected(used) {
      if (used === undefined || used === `Bearer ${idToken}`) idToken = undefined;
      return refreshToken !== undefined;
    },
  };
}

/** When a JWT expires by its own words; one that cannot be read has expired. */
function expiryMs(token: string): number {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    if (typeof payload !== "object" || payload === null || !("exp" in payload)) return 0;
    return Number(payload.exp) * 1000;
  } catch {
    return 0;
  }
}

interface TokenAnswer {
  readonly id_token: string;
  readonly refresh_token?: string;
}

async function requestTokens(config: OidcConfig, refreshToken: string): Promise<TokenAnswer> {
  const { "idp-issuer-url": issuer = "", "client-id": clientId = "", "client-secret": secret = "" } = config;
  const discovery = await exchange(config, `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const endpoint = discovery.token_endpoint;
  if (typeof endpoint !== "string") throw new Error(`${issuer}: names no token_endpoint`);
  const redeem = (form: Readonly<Record<string, string>>, credentials?: Credentials) => {
    const grant = { grant_type: "refresh_token", refresh_token: refreshToken, ...form };
    return exchange(config, endpoint, {
      form: new URLSearchParams(grant),
      ...(credentials && { credentials }),
    });
  };
  const basic = basicAuth(encodeURIComponent(clientId), encodeURIComponent(secret));
  const inForm = () => redeem({ client_id: clientId, ...(secret === "" ? {} : { client_secret: secret }) });
  // Providers take the secret in the header unless they say otherwise; the others want it in the form (Go's oauth2).
  const answer = secret === "" ? await inForm() : await redeem({}, basic).catch(inForm);
  if (typeof answer.id_token !== "string") throw new Error(`${issuer}: the refresh brought no id_token`);
  const renewed = answer.refresh_token;
  return { id_token: answer.id_token, ...(typeof renewed === "string" ? { refresh_token: renewed } : {}) };
}

/** GET, or POST of a form; the answer is a JSON object. */
async function exchange(
  config: OidcConfig,
  url: string,
  {
    form,
    credentials = anonymous,
  }: { readonly form?: URLSearchParams; readonly credentials?: Credentials } = {},
): Promise<Record<string, unknown>> {
  const { origin, pathname, searchParams } = new URL(url);
  const { "idp-certificate-authority-data": ca, "idp-certificate-authority": caFile } = config;
  const transport = createHttpsTransport({
    server: origin,
    credentials,
    proxyFromEnvironment: true,
    ...(ca ? { ca: Buffer.from(ca, "base64").toString("utf8") } : caFile ? { caFile } : {}),
  });
  try {
    const response = await transport.send({
      method: form === undefined ? "GET" : "POST",
      path: decodeURI(pathname),
      query: searchParams,
      headers: {
        accept: "application/json",
        ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      },
      ...(form === undefined ? {} : { body: { bytes: Buffer.from(form.toString()) } }),
      signal: AbortSignal.timeout(30_000),
    });
    if (response.status !== 200 || response.type !== "object" || typeof response.object !== "object")
      throw new Error(`${origin}${pathname}: answered with status ${response.status}`);
    return { ...response.object };
  } finally {
    await transport.close();
  }
}
