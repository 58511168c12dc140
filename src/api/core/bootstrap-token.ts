import type { Secret } from "./types.generated.ts";

/** A joining node's token (KEP-130), as its secret in kube-system keeps it. */
export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  /** Infinity: it does not end. A time that nobody can read is over. */
  readonly expiresAtMs: number;
  readonly authenticates: boolean;
  readonly signs: boolean;
  readonly extraGroups: readonly string[];
}

export const bootstrapTokenType = "bootstrap.kubernetes.io/token";

export function isBootstrapToken({ type, metadata }: Secret): boolean {
  return type === bootstrapTokenType && metadata.namespace === "kube-system";
}

export function readBootstrapToken({ data = {} }: Secret): BootstrapToken {
  const value = (key: string) => decode(data[key]);
  return {
    id: value("token-id"),
    secret: value("token-secret"),
    expiresAtMs: timeOf(value("expiration")),
    authenticates: value("usage-bootstrap-authentication") === "true",
    signs: value("usage-bootstrap-signing") === "true",
    extraGroups: value("auth-extra-groups")
      .split(",")
      .filter((group) => group !== ""),
  };
}

const rfc3339Form = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function timeOf(text: string): number {
  if (text === "") return Number.POSITIVE_INFINITY;
  const time = rfc3339Form.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}

function decode(base64 = ""): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
}
