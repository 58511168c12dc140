/** Something behind the server that requests are passed on to: a kubelet, a pod, a service's endpoint. */
export interface Backend {
  readonly scheme: "https" | "http";
  readonly host: string;
  readonly port: number;
  /** Kubelets are shown the server's own client certificate; pods are not. */
  readonly identity: "kubelet" | "none";
  /** Of an extension API server, instead: how it is known, and what it is shown. */
  readonly frontProxy?: FrontProxyPassage;
}

export interface FrontProxyPassage {
  readonly serverName: string;
  /** PEM; absent: the system's authorities. */
  readonly authority?: string;
  readonly insecure: boolean;
  /** PEM: the front proxy's. Absent: none is shown. */
  readonly certificate?: string;
  readonly privateKey?: string;
}

export interface BackendRequest {
  readonly backend: Backend;
  readonly method: string;
  /** Path and query as they go on the wire. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array;
}

export interface BackendResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Carries requests to backends. Rejects with an Error when there is no answer. */
export interface BackendTransport {
  request(request: BackendRequest, options: { readonly signal: AbortSignal }): Promise<BackendResponse>;
}
