import type { AuthOptions } from "./auth-options.ts";

interface WithAuth {
  readonly auth?: AuthOptions;
}

const clusterIssuer = "https://kubernetes.default.svc.cluster.local";

/** Of service account tokens: the first one signs, those after it are believed too. */
export function issuersOf({ auth }: WithAuth): readonly string[] {
  return auth === undefined || auth.issuers.length === 0 ? [clusterIssuer] : auth.issuers;
}

export function audiencesOf(options: WithAuth): readonly string[] {
  const { auth } = options;
  return auth === undefined || auth.audiences.length === 0 ? issuersOf(options) : auth.audiences;
}
