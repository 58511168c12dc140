/** The tokens that secrets of type `kubernetes.io/service-account-token` keep: what both their maker and the API server know. */

export const secretTokenIssuer = "kubernetes/serviceaccount";

/** The names of the claims. */
export const secretTokenClaims = {
  namespace: "kubernetes.io/serviceaccount/namespace",
  secretName: "kubernetes.io/serviceaccount/secret.name",
  accountName: "kubernetes.io/serviceaccount/service-account.name",
  accountUid: "kubernetes.io/serviceaccount/service-account.uid",
} as const;

/** The members of the JSON Web Token that a secret keeps for an account. */
export function secretTokenFor(
  secretName: string,
  account: { readonly namespace: string; readonly name: string; readonly uid: string },
): Readonly<Record<string, string>> {
  const { namespace, name, uid } = account;
  return {
    iss: secretTokenIssuer,
    sub: `system:serviceaccount:${namespace}:${name}`,
    [secretTokenClaims.namespace]: namespace,
    [secretTokenClaims.secretName]: secretName,
    [secretTokenClaims.accountName]: name,
    [secretTokenClaims.accountUid]: uid,
  };
}
