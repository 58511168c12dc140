import { bootstrapTokenType, readBootstrapToken } from "../../api/core/bootstrap-token.ts";
import type { Secret } from "../../api/core/types.generated.ts";
import type { TokenAuthenticator, TokenResult } from "./token-authenticator.ts";

/** Joining nodes' tokens, kept as secrets in kube-system (KEP-130). */

const tokenForm = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const bootstrappers = "system:bootstrappers";
const groupForm = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export function bootstrapTokens(dependencies: {
  /** A secret of kube-system. */
  readonly findSecret: (name: string) => Promise<Secret | undefined>;
  readonly now: () => number;
  readonly audiences: readonly string[];
}): TokenAuthenticator {
  return {
    authenticateToken(token, wanted) {
      const match = tokenForm.exec(token);
      if (match === null) return undefined;
      const [, id = "", secret = ""] = match;
      return dependencies.findSecret(`bootstrap-token-${id}`).then((found) =>
        found === undefined
          ? undefined
          : judgeBootstrapToken(found, {
              id,
              secret,
              nowMs: dependencies.now(),
              audiences: wanted ?? dependencies.audiences,
            }),
      );
    },
  };
}

/** Whether the secret accepts a token for authentication; undefined: it does not, and says nothing else. */
export function judgeBootstrapToken(
  secret: Secret,
  asked: {
    readonly id: string;
    readonly secret: string;
    readonly nowMs: number;
    readonly audiences: readonly string[];
  },
): TokenResult | undefined {
  if (secret.type !== bootstrapTokenType || secret.metadata.deletionTimestamp !== undefined) return undefined;
  const token = readBootstrapToken(secret);
  if (!constantTimeEqual(token.secret, asked.secret) || token.id !== asked.id) return undefined;
  if (!token.authenticates || token.expiresAtMs <= asked.nowMs) return undefined;
  const { extraGroups } = token;
  if (extraGroups.some((group) => !groupForm.test(group))) return undefined;
  return {
    user: {
      name: `system:bootstrap:${asked.id}`,
      groups: [bootstrappers, ...new Set(extraGroups)],
    },
    audiences: asked.audiences,
  };
}

/** How long the comparison takes must not tell how much of a secret was right. */
function constantTimeEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < b.length; index++)
    difference |= a.charCodeAt(index % Math.max(1, a.length)) ^ b.charCodeAt(index);
  return difference === 0;
}
