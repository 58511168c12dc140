import type { RemoteHeaders } from "../../apiserver/authentication/create-authenticator.ts";

export interface TokenWebhookOptions {
  readonly kubeconfig: string;
  readonly version: "v1" | "v1beta1";
  readonly cacheTtlMs: number;
}

export interface AccessWebhookOptions {
  readonly kubeconfig: string;
  readonly version: "v1" | "v1beta1";
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
}

export interface OidcOptions {
  readonly issuerUrl: string;
  readonly clientId: string;
  readonly caFile: string | undefined;
  readonly usernameClaim: string;
  readonly usernamePrefix: string;
  readonly groupsClaim: string;
  readonly groupsPrefix: string;
  readonly requiredClaims: readonly (readonly [string, string])[];
  readonly algorithms: readonly string[];
}

/** A front proxy beside the cluster's own, and where both name users. */
export interface RequestHeaderOptions {
  readonly caFile: string;
  /** Empty: any. */
  readonly allowedNames: readonly string[];
  readonly headers: RemoteHeaders;
}

/** What the flags come down to; paths are absolute. */
export interface AuthOptions {
  readonly authenticationConfig?: string;
  readonly anonymous?: boolean;
  readonly tokenFile?: string;
  /** PEM: further authorities of client certificates. */
  readonly clientCaFile?: string;
  readonly requestHeader?: RequestHeaderOptions;
  /** The socket of the plugin that signs service account tokens. */
  readonly signingEndpoint?: string;
  /** Where others find the keys that verify them; absent: at this server. */
  readonly jwksUri?: string;
  readonly maxTokenSeconds?: number;
  readonly extendsPodTokens?: boolean;
  readonly oidc?: OidcOptions;
  readonly tokenWebhook?: TokenWebhookOptions;
  readonly authorizationConfig?: string;
  readonly authorizationModes?: readonly string[];
  /** The policies of the mode ABAC. */
  readonly policyFile?: string;
  readonly accessWebhook?: AccessWebhookOptions;
  readonly keyFiles: readonly string[];
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
}
