import type { DocumentHandler } from "../stages.ts";

/** Who verifies tokens may keep the keys for an hour. */
const cacheControl = "public, max-age=3600";

/** Of the keys, at this server. */
export const keySetPath = "/openid/v1/jwks";

/** What others need to verify service account tokens themselves: OpenID discovery of the issuer (KEP-1393). */
export function issuerDocuments(options: {
  readonly issuer: string;
  /** Where the keys are found: the API server's own address, or the issuer's. */
  readonly jwksUri: string;
  /** As they are now. */
  readonly publicKeys: () => readonly { readonly alg: string }[];
}): DocumentHandler[] {
  const algorithms = () => [...new Set(options.publicKeys().map(({ alg }) => alg))].sort();
  return [
    {
      path: "/.well-known/openid-configuration",
      contentType: "application/json",
      cacheControl,
      document: () => ({
        issuer: options.issuer,
        jwks_uri: options.jwksUri,
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms(),
      }),
    },
    {
      path: keySetPath,
      contentType: "application/jwk-set+json",
      cacheControl,
      document: () => ({ keys: options.publicKeys() }),
    },
  ];
}
