import type { UserInfo } from "../../client/exchange.ts";
import type { TokenAuthenticator, TokenResult } from "../authentication/token-authenticator.ts";
import { commonAudiences } from "../authentication/token-claims.ts";
import type { ReviewCaller } from "./review-caller.ts";

export interface TokenReviewWebhookOptions {
  readonly caller: ReviewCaller;
  readonly version: "v1" | "v1beta1";
  /** The API server's own: what a webhook that knows no audiences answers for. */
  readonly apiAudiences: readonly string[];
}

const timeoutMs = 30_000;

/** Asks a webhook whose a token is (`--authentication-token-webhook-config-file`). */
export function tokenReviewWebhook(options: TokenReviewWebhookOptions): TokenAuthenticator {
  const { caller, version, apiAudiences } = options;
  return {
    async authenticateToken(token, audiences): Promise<TokenResult | undefined> {
      const wanted = audiences ?? apiAudiences;
      const review = {
        apiVersion: `authentication.k8s.io/${version}`,
        kind: "TokenReview",
        metadata: { creationTimestamp: null },
        spec: { token, audiences: wanted },
        status: { user: {} },
      };
      let answer: Readonly<Record<string, unknown>>;
      try {
        answer = await caller.call(review, { timeoutMs });
      } catch (error) {
        return { error: error instanceof Error ? error.message : String(error) };
      }
      return readReview(answer, wanted, apiAudiences);
    },
  };
}

/** What the webhook's answer says. Pure. */
function readReview(
  answer: Readonly<Record<string, unknown>>,
  wanted: readonly string[],
  apiAudiences: readonly string[],
): TokenResult | undefined {
  const status = record(answer.status);
  const told = strings(status.audiences);
  const audiences = commonAudiences(wanted, told.length > 0 ? told : apiAudiences);
  if (audiences.length === 0) return undefined;
  if (status.authenticated !== true) {
    const { error } = status;
    return typeof error === "string" && error !== "" ? { error } : undefined;
  }
  return { user: userOf(record(status.user)), audiences };
}

function userOf(user: Readonly<Record<string, unknown>>): UserInfo {
  const { username, uid } = user;
  const extra = Object.entries(record(user.extra)).map(([key, values]) => [key, strings(values)] as const);
  return {
    name: typeof username === "string" ? username : "",
    ...(typeof uid === "string" && uid !== "" ? { uid } : {}),
    groups: strings(user.groups),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>) // a JSON object is a record
    : {};
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}
