import { anonymous, type Credentials } from "./credentials.ts";
import { createHttpsTransport } from "./https-transport.ts";

/** The fields of a kubeconfig's `auth-provider` named "oidc". */
export interface OidcConfig {
  readonly "idp-issuer-url"?: string;
  readonly "client-id"?: string;
  readonly "client-secret"?: string;
  readonly "refresh-token"?: string;
  readonly "id-token"?: string;
  /** Base64 of PEM. */
  readonly "idp-certificate-authority-data"?: string;
}

const leewayMs = 10_000;

/** An ID token that is renewed with its refresh token when it expires or is refused. The kubeconfig is not rewritten. */
export function oidcCredentials(config: OidcConfig): Credentials {
  let idToken = config["id-token"];
  let refreshToken = config["refresh-token"];
  let running: Promise<string> | undefined;

  async function refresh(): Promise<string> {
    if (refreshToken === undefined)
      throw new Error("kubeconfig: the OIDC token has expired and there is no refresh-token");
    const answer = await requestTokens(config, refreshToken);
    refreshToken = answer.refresh_token ?? refreshToken;
    idToken = answer.id_token;
    return idToken;
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
  const issuer = config["idp-issuer-url"];
  if (issuer === undefined) throw new Error("kubeconfig: the OIDC provider has no idp-issuer-url");
  const discovery = await exchange(config, `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const endpoint = discovery.token_endpoint;
  if (typeof endpoint !== "string") throw new Error(`${issuer}: names no token_endpoint`);
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: refreshToken,
    client_id: config["client-id"] ?? "",
    ...(config["client-secret"] === undefined ? {} : { client_secret: config["client-secret"] }),
  });
  const answer = await exchange(config, endpoint, form);
  if (typeof answer.id_token !== "string") throw new Error(`${issuer}: the refresh brought no id_token`);
  const renewed = answer.refresh_token;
  return { id_token: answer.id_token, ...(typeof renewed === "string" ? { refresh_token: renewed } : {}) };
}

/** GET, or POST of a form; the answer is a JSON object. */
async function exchange(
  config: OidcConfig,
  url: string,
  form?: URLSearchParams,
): Promise<Record<string, unknown>> {
  const { origin, pathname, searchParams } = new URL(url);
  const ca = config["idp-certificate-authority-data"];
  const transport = createHttpsTransport({
    server: origin,
    ...(ca === undefined ? {} : { ca: Buffer.from(ca, "base64").toString("utf8") }),
  });
  try {
    const response = await transport.send({
      method: form === undefined ? "GET" : "POST",
      path: pathname,
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
