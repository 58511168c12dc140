import { badRequest } from "../../apimachinery/api-error.ts";
import { jsonSyntaxError } from "../../apimachinery/schema/json-syntax-error.ts";
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
  const json = decoded(text);
  let token: { v?: unknown; rv?: unknown; start?: unknown } | null;
  try {
    token = JSON.parse(json) as typeof token; // read field by field below
  } catch {
    throw refused(`: ${jsonSyntaxError(json)}`);
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

/** Faults in the words of Go's library, which knows no padding here. */
function decoded(text: string): string {
  const foreign = text.search(/[^\w-]/);
  try {
    if (foreign < 0) return new TextDecoder().decode(decodeBase64Url(text));
  } catch {
    // A last character that has no other beside it.
  }
  throw refused(`: illegal base64 data at input byte ${foreign < 0 ? text.length - 1 : foreign}`);
}

function refused(why: string): Error {
  return badRequest(`invalid continue token: continue key is not valid${why}`);
}
