import { badRequest } from "../../apimachinery/api-error.ts";
import { decodeBase64Url, encodeBase64Url } from "../../base/base64.ts";

/** Where the next page of a list begins, opaque to clients: upstream's `continueToken`. */
export interface ContinueToken {
  readonly key: string;
  /** Absent: the rest is listed as it is now (an inconsistent continuation). */
  readonly revision?: number;
}

const apiVersion = "meta.k8s.io/v1";

export function encodeContinue(token: ContinueToken, keyRoot: string): string {
  const json = JSON.stringify({
    v: apiVersion,
    rv: token.revision ?? -1,
    start: token.key.slice(keyRoot.length),
  });
  return encodeBase64Url(new TextEncoder().encode(json));
}

/** Throws 400 for what this server did not make. */
export function decodeContinue(text: string, keyRoot: string): ContinueToken {
  let token: { v?: unknown; rv?: unknown; start?: unknown } | null;
  try {
    token = JSON.parse(new TextDecoder().decode(decodeBase64Url(text))) as typeof token; // read field by field below
  } catch (error) {
    throw refused(`: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { v, rv, start } = token ?? {};
  if (v !== apiVersion) throw refused(`: server does not recognize this encoded version ${String(v ?? "")}`);
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0)
    throw refused(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  if (typeof start !== "string" || start === "")
    throw refused(": encoded start key empty (version meta.k8s.io/v1)");
  // Joined with the root a key must stay below it.
  const below = start.startsWith("/") ? start.slice(1) : start;
  if (below.split("/").some((segment) => segment === "" || segment === "." || segment === ".."))
    throw refused(`: ${start}`);
  const key = keyRoot + below;
  return rv < 0 ? { key } : { key, revision: rv };
}

function refused(why: string): Error {
  return badRequest(`invalid continue token: continue key is not valid${why}`);
}
