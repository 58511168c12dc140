import type { TokenReview } from "../../api/authentication/types.generated.ts";
import { badRequest, internalError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { rfc3339 } from "../../base/clock.ts";
import { authenticatedUser } from "../authentication/identity.ts";
import type { TokenAuthenticator } from "../authentication/token-authenticator.ts";
import { commonAudiences } from "../authentication/token-claims.ts";
import type { CreateHandler } from "../stages.ts";
import { apiUserInfo } from "./user-info.ts";

const group = "authentication.k8s.io";

/** POST tokenreviews: whether a token is good, for whom, and whose it is. */
export function tokenReviewHandler(dependencies: {
  readonly tokens: TokenAuthenticator;
  readonly audiences: readonly string[];
}): CreateHandler {
  return {
    group,
    resource: "tokenreviews",
    async create(object) {
      // The server decoded the body as the kind that the resource has.
      const review = object as AnyObject & TokenReview;
      const { token, audiences: asked = [] } = review.spec;
      if (token === undefined || token === "")
        throw badRequest("token is required for TokenReview in authentication");
      const audiences = asked.length === 0 ? dependencies.audiences : asked;
      const result = await dependencies.tokens.authenticateToken(token, audiences);
      if (result === undefined || "error" in result) {
        const error =
          result === undefined ? "invalid bearer token" : `[invalid bearer token, ${result.error}]`;
        return { ...review, status: { user: {}, error } };
      }
      const common = commonAudiences(audiences, result.audiences);
      if (common.length === 0) throw internalError("error validating audiences");
      const user = apiUserInfo(authenticatedUser(result.user));
      return { ...review, status: { authenticated: true, user, audiences: result.audiences } };
    },
  };
}

/** POST selfsubjectreviews: who the caller is (`kubectl auth whoami`). */
export function selfSubjectReviewHandler(dependencies: { readonly now: () => number }): CreateHandler {
  return {
    group,
    resource: "selfsubjectreviews",
    async create(review, { user }) {
      return {
        ...review,
        metadata: { creationTimestamp: rfc3339(dependencies.now()) },
        status: { userInfo: apiUserInfo(user) },
      };
    },
  };
}
