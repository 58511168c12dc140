import type { BackendResponse } from "../connect/backend.ts";

/** An extension API server, by one of its addresses. */
export interface ExtensionTarget {
  readonly host: string;
  readonly port: number;
  /** What its certificate must say: "<service>.<namespace>.svc". */
  readonly serverName: string;
  readonly authority?: string;
  readonly insecure: boolean;
}

export interface ExtensionRequest {
  readonly method: string;
  /** Path and query as they go on the wire. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array;
}

/**
 * Carries requests to extension API servers, showing the front proxy's certificate. Rejects where there is no answer;
 * `timeoutMs` is for all of it, its body included.
 */
export interface ExtensionTransport {
  /** What it shows, PEM; absent: nothing, and servers that ask for more refuse it. */
  readonly identity?: { readonly certificate: string; readonly privateKey: string };
  request(
    server: ExtensionTarget,
    request: ExtensionRequest,
    options: { readonly signal: AbortSignal; readonly timeoutMs?: number },
  ): Promise<BackendResponse>;
  close(): void;
}
