import { badRequest } from "../../apimachinery/api-error.ts";

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
  return new TextEncoder().encode(json).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws 400 for what this server did not make. */
export function decodeContinue(text: string, keyRoot: string): ContinueToken {
  let token: { v?: unknown; rv?: unknown; start?: unknown } | null;
  try {
    token = JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(text, { alphabet: "base64url" })),
    ) as typeof token; // read field by field below
  } catch {
    throw badRequest("continue key is not valid: the token cannot be decoded");
  }
  const { v, rv, start } = token ?? {};
  if (v !== apiVersion)
    throw badRequest("continue key is not valid: server does not recognize this encoded version");
  if (typeof start !== "string" || typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0)
    throw badRequest(
      "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    );
  // Joined with the root a key must stay below it.
  if (start === "" || start.startsWith("/") || start.split("/").includes(".."))
    throw badRequest(`continue key is not valid: ${start}`);
  const key = keyRoot + start;
  return rv < 0 ? { key } : { key, revision: rv };
}
